/** The schedule of the platform itself: it has the webhook look for what time or a killed process left open. */

import type { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { Job as SchedulerJob } from '@pulumi/gcp/cloudscheduler/job.js';
import { Account as ServiceAccount } from '@pulumi/gcp/serviceaccount/account.js';
import { interpolate, type Resource } from '@pulumi/pulumi';
import { PLATFORM, SWEEP_PATH } from '../tenants/naming.ts';
import { createGrants, madeKey } from './grants.ts';
import type { PlatformPlan } from './platform-plan.ts';
import { computeOptions, deletionPolicy } from './protection.ts';
import { SIZES, seconds } from './sizing.ts';

/** An account of its own, that may wake the webhook and nothing else: the webhook takes a sweep from nobody else. */
export function createSweep(
  parent: Resource,
  name: string,
  plan: PlatformPlan,
  webhook: Service,
  dependsOn: Resource[],
): void {
  const { project, region, sweepEmail, sweepMember, webhookAudience } = plan;
  const account = new ServiceAccount(
    `${name}-sweep-account`,
    {
      project,
      accountId: PLATFORM.sweep,
      displayName: 'tributary: sweep',
      deletionPolicy: deletionPolicy(false),
    },
    computeOptions({ parent, dependsOn }, false),
  );
  const made = new Map<string, Resource>([
    [sweepMember, account],
    [madeKey('service', PLATFORM.webhookService), webhook],
  ]);
  const scope = { on: 'service', project, location: region, name: PLATFORM.webhookService } as const;
  const granted = createGrants(
    parent,
    name,
    [{ identity: 'sweep', member: sweepMember, role: 'roles/run.invoker', scope }],
    made,
  );
  const { cron, deadlineSeconds, retries } = SIZES.sweep;
  new SchedulerJob(
    `${name}-sweep`,
    {
      project,
      region,
      name: PLATFORM.sweep,
      description: 'Finds what time or a killed process left open.',
      schedule: cron,
      timeZone: 'UTC',
      attemptDeadline: seconds(deadlineSeconds),
      retryConfig: { retryCount: retries },
      httpTarget: {
        uri: interpolate`${webhook.uri}${SWEEP_PATH}`,
        httpMethod: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: Buffer.from('{}').toString('base64'),
        oidcToken: { serviceAccountEmail: sweepEmail, audience: webhookAudience },
      },
      deletionPolicy: deletionPolicy(false),
    },
    computeOptions({ parent, dependsOn: granted }, false),
  );
}
