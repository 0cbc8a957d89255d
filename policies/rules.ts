/** Every rule, in the order of docs/policies.md. */
import type { Rule } from './rule.ts';
import { accountRules } from './rules/accounts.ts';
import { awsRules } from './rules/aws.ts';
import { azureRules } from './rules/azure.ts';
import { bigqueryRules } from './rules/bigquery.ts';
import { dataflowRules } from './rules/dataflow.ts';
import { encryptionRules } from './rules/encryption.ts';
import { iamRules } from './rules/iam.ts';
import { isolationRules } from './rules/isolation.ts';
import { labelRules } from './rules/labels.ts';
import { platformRules } from './rules/platform.ts';
import { runRules } from './rules/run.ts';
import { schedulerRules } from './rules/scheduler.ts';
import { secretRules } from './rules/secrets.ts';
import { stackRules } from './rules/stack.ts';
import { streamingRules } from './rules/streaming.ts';

export const rules: readonly Rule[] = [
  ...iamRules,
  ...accountRules,
  ...schedulerRules,
  ...runRules,
  ...secretRules,
  ...bigqueryRules,
  ...labelRules,
  ...encryptionRules,
  ...dataflowRules,
  ...streamingRules,
  ...awsRules,
  ...azureRules,
  ...platformRules,
  ...stackRules,
  ...isolationRules,
];
