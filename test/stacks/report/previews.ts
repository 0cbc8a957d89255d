import type { PreviewOperation, PreviewResult } from '../../../stacks/preview-result.ts';

export function operation(op: PreviewOperation['op'], type: string, name = 'raw', replaceKeys?: string[]) {
  const urn = `urn:pulumi:acme.dev::tributary::tributary:index:Tenant$${type}::${name}`;
  return { op, type, urn, ...(replaceKeys && { replaceKeys }) } satisfies PreviewOperation;
}

export const DATASET = 'gcp:bigquery/dataset:Dataset';
export const JOB = 'gcp:cloudrunv2/job:Job';
export const MEMBER = 'gcp:bigquery/datasetIamMember:DatasetIamMember';

export function previewOf(tenant: string, changes: Partial<PreviewResult> = {}): PreviewResult {
  return {
    tenant,
    stack: `${tenant}.dev`,
    digest: 'd1',
    operations: [],
    policies: [],
    seconds: 1.25,
    ...changes,
  };
}
