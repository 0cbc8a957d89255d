/** One version of a secret of the platform's project; its value goes through no program of Pulumi. */
export interface SecretVersionArgs {
  /** Id in Secret Manager; it and the version exist before the platform is brought up. @example "tributary-notify-oncall" */
  secret: string;
  /** Number of the version: another one is another revision of the service. @example "1" */
  version: string;
}
