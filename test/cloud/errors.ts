/** What the clouds answer when they refuse, in their words. */

export class CloudError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(`googleapi: Error ${status}: ${message}`);
    this.name = 'CloudError';
    this.status = status;
  }
}

export function alreadyExists(what: string): CloudError {
  return new CloudError(409, `Requested entity already exists: ${what}, alreadyExists`);
}

export function notFound(what: string): CloudError {
  return new CloudError(404, `Requested entity was not found: ${what}, notFound`);
}

export function badRequest(message: string): CloudError {
  return new CloudError(400, `${message}, badRequest`);
}

export function noServiceAccount(email: string): CloudError {
  return badRequest(`Service account ${email} does not exist.`);
}
