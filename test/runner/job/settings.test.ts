import { describe, expect, it } from 'vitest';
import { runnerSettings } from '../../../runner/job/settings.ts';

const given = {
  TRIBUTARY_WEBHOOK_URL: 'https://webhook.example',
  TRIBUTARY_WEBHOOK_AUDIENCE: 'https://tributary.acme.internal',
  TRIBUTARY_TENANT: 'acme',
  TRIBUTARY_RUN_ID: 'r1',
};

describe('the environment of a runner', () => {
  it('in the cloud says little', () => {
    expect(runnerSettings(given)).toMatchObject({
      ...{ audience: 'https://tributary.acme.internal', tenant: 'acme', run: 'r1', traceparent: null },
      ...{ warehouse: 'bigquery', secrets: 'secret-manager', deploys: false, patienceMs: 300_000 },
    });
  });

  it.each(Object.keys(given))('needs %s', (name) => {
    expect(() => runnerSettings({ ...given, [name]: '' })).toThrow(name);
  });

  it('needs no audience where nobody asks who it is', () => {
    const { TRIBUTARY_WEBHOOK_AUDIENCE: _, ...laptop } = given;
    expect(runnerSettings({ ...laptop, TRIBUTARY_WEBHOOK_AUTH: 'none' }).audience).toBeNull();
  });

  it.each(['http://127.0.0.1:8080', 'http://localhost:1', 'http://[::1]:1', 'https://a.run.app/'])(
    'takes the address %s',
    (url) => expect(runnerSettings({ ...given, TRIBUTARY_WEBHOOK_URL: url }).url).toBe(url),
  );

  it.each(['http://webhook', 'http://127.evil.example', 'https://user:canary@a', 'ftp://a', 'a', 'http://localhost.a'])(
    'sends no token to %s',
    (url) => {
      const error = () => runnerSettings({ ...given, TRIBUTARY_WEBHOOK_URL: url });
      expect(error).toThrow('TRIBUTARY_WEBHOOK_URL');
      expect(error).not.toThrow('canary');
    },
  );
});
