/** What a stack is for: `acme.prod` is tenant acme in prod, `acme` the same in dev, `platform.dev` the platform. */
export function parseStackName(stack: string): { subject: string; env: string } {
  const [, subject = '', env = 'dev'] = /^([a-z][a-z0-9-]*)(?:\.([a-z][a-z0-9-]*))?$/.exec(stack) ?? [];
  if (subject === '') {
    throw new RangeError(`stack ${stack} is neither platform.<env> nor <tenant>.<env>: small letters, digits and -`);
  }
  return { subject, env };
}
