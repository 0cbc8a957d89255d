/** What watches: Cloud Monitoring, Cloud Logging, budgets. */
import { isObject, stringsAt, valuesAt } from '../values.ts';
import type { Kinds, Rule } from './kind.ts';
import { eachExists } from './references.ts';
import { between, duration, exactlyOne, json, labels, matches, oneOf, refuse } from './rules.ts';

const CONDITIONS = [
  ...['conditionAbsent', 'conditionMatchedLog', 'conditionMonitoringQueryLanguage', 'conditionThreshold'],
  ...['conditionPrometheusQueryLanguage', 'conditionSql'],
];
const channelType = 'gcp:monitoring/notificationChannel:NotificationChannel';

const CHANNEL_LABELS: Readonly<Record<string, string>> = {
  email: 'email_address',
  pubsub: 'topic',
  slack: 'channel_name',
  webhook_tokenauth: 'url',
};

/** Each type of channel wants its own label. */
const channelLabel: Rule = (inputs) =>
  stringsAt(inputs, 'type').flatMap(({ value }) => {
    const label = CHANNEL_LABELS[value];
    const given = inputs.labels;
    if (label === undefined || (isObject(given) && given[label] != null)) return [];
    return { path: 'labels', reason: `a channel of type ${value} needs the label ${label}` };
  });

/** Extractors are of labels that the metric declares. */
const declaredLabels: Rule = (inputs) => {
  const declared = new Set(stringsAt(inputs, 'metricDescriptor.labels.*.key').map(({ value }) => value));
  return stringsAt(inputs, 'labelExtractors.*').flatMap(({ path, value }) => {
    const label = path.slice('labelExtractors.'.length);
    if (!declared.has(label)) return { path, reason: `${label} is no label of metricDescriptor` };
    return /^(?:REGEXP_)?EXTRACT\(.+\)$/.test(value) ? [] : { path, reason: 'must be EXTRACT(…) or REGEXP_EXTRACT(…)' };
  });
};

export const observabilityKinds: Kinds = {
  [channelType]: {
    id: 'projects/{project}/notificationChannels/{generated}',
    defaults: { enabled: true, forceDelete: false },
    rules: [
      channelLabel,
      labels('userLabels'),
      matches('labels.email_address', /^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'be an address'),
    ],
    outputs: ({ id }) => ({ name: id }),
  },
  'gcp:monitoring/alertPolicy:AlertPolicy': {
    id: 'projects/{project}/alertPolicies/{generated}',
    defaults: { enabled: true },
    rules: [
      labels('userLabels'),
      oneOf('combiner', ['AND', 'OR', 'AND_WITH_MATCHING_RESOURCE']),
      oneOf('severity', ['CRITICAL', 'ERROR', 'WARNING']),
      exactlyOne('conditions.*', CONDITIONS),
      oneOf('conditions.*.conditionThreshold.comparison', [
        'COMPARISON_GT',
        'COMPARISON_GE',
        'COMPARISON_LT',
        'COMPARISON_LE',
      ]),
      duration('conditions.*.conditionThreshold.duration'),
      duration('conditions.*.conditionThreshold.aggregations.*.alignmentPeriod', 60),
      duration('conditions.*.conditionAbsent.duration', 120, 84_600),
      duration('conditions.*.conditionAbsent.aggregations.*.alignmentPeriod', 60),
      duration('alertStrategy.autoClose', 1800, 604_800),
      refuse(
        'alertStrategy.notificationRateLimit',
        (inputs) =>
          valuesAt(inputs, 'alertStrategy.notificationRateLimit').length > 0 &&
          valuesAt(inputs, 'conditions.*.conditionMatchedLog').length === 0,
        'is only for policies with conditionMatchedLog',
      ),
    ],
    references: [eachExists(channelType, 'notificationChannels.*')],
    outputs: ({ id }) => ({ name: id }),
  },
  'gcp:monitoring/dashboard:Dashboard': {
    id: 'projects/{project}/dashboards/{generated}',
    rules: [json('dashboardJson')],
  },
  'gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig': {
    id: 'projects/{project}/uptimeCheckConfigs/{generated}',
    rules: [labels('userLabels'), duration('timeout', 1, 60), oneOf('period', ['60s', '300s', '600s', '900s'])],
    outputs: ({ id }) => ({ name: id, uptimeCheckId: id.split('/').at(-1) ?? '' }),
  },
  'gcp:logging/metric:Metric': {
    id: '{project}/{name}',
    rules: [
      matches('name', /^[A-Za-z0-9_\-.,+!*',()%/]{1,100}$/, 'be 1 to 100 of the characters that a metric may have'),
      oneOf('metricDescriptor.metricKind', ['DELTA', 'GAUGE', 'CUMULATIVE']),
      oneOf('metricDescriptor.valueType', ['BOOL', 'INT64', 'DOUBLE', 'STRING', 'DISTRIBUTION', 'MONEY']),
      declaredLabels,
    ],
  },
  'gcp:billing/budget:Budget': {
    id: 'billingAccounts/{billingAccount}/budgets/{generated}',
    rules: [
      matches('billingAccount', /^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$/, 'be as in "012345-6789AB-CDEF01"'),
      matches('budgetFilter.projects.*', /^projects\/\d+$/, 'be as in "projects/123456789012": the number, not the id'),
      matches('amount.specifiedAmount.currencyCode', /^[A-Z]{3}$/, 'be as in "EUR"'),
      matches('amount.specifiedAmount.units', /^\d+$/, 'be a whole number'),
      refuse(
        'budgetFilter.labels',
        (inputs) => valuesAt(inputs, 'budgetFilter.labels.*').length > 1,
        'takes one label only',
      ),
      refuse(
        'allUpdatesRule.monitoringNotificationChannels',
        (inputs) => valuesAt(inputs, 'allUpdatesRule.monitoringNotificationChannels.*').length > 5,
        'takes at most 5 channels',
      ),
      between('thresholdRules.*.thresholdPercent', 0, 100),
      oneOf('thresholdRules.*.spendBasis', ['CURRENT_SPEND', 'FORECASTED_SPEND']),
      oneOf('budgetFilter.calendarPeriod', ['MONTH', 'QUARTER', 'YEAR']),
    ],
    references: [
      eachExists(channelType, 'allUpdatesRule.monitoringNotificationChannels.*'),
      eachExists('gcp:pubsub/topic:Topic', 'allUpdatesRule.pubsubTopic'),
    ],
    outputs: ({ id }) => ({ name: id }),
  },
};
