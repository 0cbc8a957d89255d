/** What workers cost. Pure. */
import type { DataflowMetric } from './client.ts';

/** US dollars an hour of a batch worker in europe-west1 and us-central1, from Google's price list; other regions up to a third more. */
export const PRICES = { vcpu: 0.056, memoryGb: 0.003_557, diskGb: 0.000_054 } as const;

/** Disk of a batch worker by default. */
const DISK_GB = 250;
const GB_PER_VCPU: Readonly<Record<string, number>> = { standard: 4, highmem: 8, highcpu: 1 };

/** US dollars an hour of one worker. @param machine `e2-standard-2` */
export function workerUsd(machine: string): number {
  const [, shape = 'standard', cores = '4'] = /^[a-z0-9]+-([a-z]+)-(\d+)/.exec(machine) ?? [];
  const memory = Number(cores) * (GB_PER_VCPU[shape] ?? 8);
  return Number(cores) * PRICES.vcpu + memory * PRICES.memoryGb + DISK_GB * PRICES.diskGb;
}

/** What a job has used, by its own count; `null`: it does not say yet. */
export function usedUsd(metrics: readonly DataflowMetric[]): number | null {
  const total = (name: string) => {
    const found = metrics.find((metric) => metric.name.name === name && metric.name.origin !== 'user');
    return found === undefined ? null : Number(found.scalar ?? 0);
  };
  const [vcpuSeconds, mbSeconds, diskSeconds] = [
    total('TotalVcpuTime'),
    total('TotalMemoryUsage'),
    total('TotalPdUsage'),
  ];
  if (vcpuSeconds === null || mbSeconds === null) return null;
  return (vcpuSeconds * PRICES.vcpu + (mbSeconds / 1024) * PRICES.memoryGb + (diskSeconds ?? 0) * PRICES.diskGb) / 3600;
}
