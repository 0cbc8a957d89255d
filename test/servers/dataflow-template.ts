/** The specification of a Flex Template in a server of Cloud Storage. */

export const TEMPLATE = 'gs://acme-staging/templates/dataflow.json';

/** What the template of the product declares. */
export const SPECIFICATION = {
  image: 'europe-west1-docker.pkg.dev/acme-data/tributary/dataflow@sha256:0123',
  sdkInfo: { language: 'PYTHON' },
  metadata: {
    name: 'Tributary',
    parameters: [
      { name: 'run', label: 'Run', helpText: 'Id of the run.', regexes: ['^[A-Za-z0-9_-]{1,128}$'] },
      { name: 'source', label: 'Source', helpText: 'Name of the source.' },
      { name: 'work', label: 'Work', helpText: 'Address of the work.', regexes: ['^gs://.+$'] },
    ],
  },
};

/** @param specification a text is laid down as it is */
export async function layTemplate(
  host: string,
  specification: object | string = SPECIFICATION,
  address: string = TEMPLATE,
): Promise<void> {
  const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/(.+)$/.exec(address) ?? [];
  const json = { 'content-type': 'application/json' };
  await fetch(`${host}/storage/v1/b?project=acme-data`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ name: bucket }),
  });
  const body = typeof specification === 'string' ? specification : JSON.stringify(specification);
  const url = `${host}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`;
  const response = await fetch(url, { method: 'POST', headers: json, body });
  if (!response.ok) throw new Error(`the template could not be laid down: ${response.status}`);
}
