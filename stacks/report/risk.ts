/** How dangerous a preview is. */
import type { PreviewOp, PreviewOperation, PreviewResult } from '../preview-result.ts';

/**
 * `none`: nothing changes. `routine`: anybody may merge. `access`: somebody may do more, or something else, than before.
 * `data`: something that holds data or an identity goes away. `blocked`: there is no preview, or a mandatory rule is broken.
 */
export type Risk = 'none' | 'routine' | 'access' | 'data' | 'blocked';

const RISKS: readonly Risk[] = ['none', 'routine', 'access', 'data', 'blocked'];

/** To lose one of these is to lose data, or the name by which other clouds know us. */
const DATA =
  /^gcp:(?:bigquery\/(?:dataset:Dataset|table:Table)|secretmanager\/secret:Secret|serviceaccount\/account:Account|datastream\/stream:Stream|storage\/bucket:Bucket|firestore\/database:Database|kms\/cryptoKey:CryptoKey)$|^azure-native:managedidentity:UserAssignedIdentity$/;
const ACCESS =
  /I[aA][mM](?:Member|Binding|Policy)$|^gcp:bigquery\/(?:datasetAccess|rowAccessPolicy):|^aws:iam\/|^azure-native:(?:authorization:RoleAssignment|managedidentity:FederatedIdentityCredential)$/;
const ROOT = /^tributary:index:(?:Tenant|Platform)$/;

/** Whether an operation takes data or an identity away. */
export function losesData({ type, op }: PreviewOperation): boolean {
  return DATA.test(type) && (op === 'delete' || op === 'replace');
}

export function riskOf({ operations, policies, error }: PreviewResult): Risk {
  if (error !== undefined || policies.some(({ level }) => level === 'mandatory')) return 'blocked';
  if (operations.some(losesData)) return 'data';
  if (operations.some(({ type, op }) => ACCESS.test(type) && op !== 'delete') && !isNew(operations)) return 'access';
  return operations.length > 0 ? 'routine' : 'none';
}

/** The worst of many. */
export function worstRisk(results: readonly PreviewResult[]): Risk {
  const worst = Math.max(0, ...results.map((result) => RISKS.indexOf(riskOf(result))));
  return RISKS[worst] as Risk;
}

/** 0: go on. 2: there is something to mend. 4: a brake, until somebody who may has approved this risk. */
export function exitCodeOf(risk: Risk, approved: readonly string[]): number {
  if (risk === 'blocked') return 2;
  return (risk === 'data' || risk === 'access') && !approved.includes(risk) ? 4 : 0;
}

/** The risks that labels of a pull request accept: `approved: data`. Who may set a label is the repository's affair. */
export function approvalsIn(labels: readonly string[]): string[] {
  return labels.flatMap((label) => /^approved: (.+)$/.exec(label)?.[1] ?? []);
}

export function countOf(operations: readonly PreviewOperation[], op: PreviewOp): number {
  return operations.filter((operation) => operation.op === op).length;
}

/** The first preview of a stack grants much, and nothing that was there before. */
function isNew(operations: readonly PreviewOperation[]): boolean {
  return operations.every(({ op }) => op === 'create') && operations.some(({ type }) => ROOT.test(type));
}
