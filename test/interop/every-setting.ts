import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pemPath } from '../helpers/certificates/pem-path.js';

/** A configuration with everything that `collector-config` turns into something; the key's file lies in `folder`. */
export function everySetting(folder: string): NodeJS.ProcessEnv {
  const keyFile = join(folder, 'api-key');
  writeFileSync(keyFile, 'sk-of-the-file\n');
  const acme = 'SIGNALBOX_BACKEND_BYOC_ACME_';
  return {
    SIGNALBOX_BACKENDS: 'standard,byoc-acme,in,IN2',
    SIGNALBOX_DEFAULT_ROUTE: 'standard',
    SIGNALBOX_ROUTES: 'acme=byoc-acme,globex=standard+byoc-acme,a:b/c.d=in,2024=IN2',
    SIGNALBOX_UNKNOWN_ROUTE: 'default',
    SIGNALBOX_BACKEND_STANDARD_PRESET: 'braintrust',
    SIGNALBOX_BACKEND_STANDARD_ENDPOINT: 'https://api.braintrust.example',
    SIGNALBOX_BACKEND_STANDARD_API_KEY: 'sk-secret-of-standard',
    SIGNALBOX_BACKEND_STANDARD_PARENT: 'project_name:a$b $HOME: "c"',
    SIGNALBOX_BACKEND_STANDARD_SPOOL_DIR: join(folder, 'spool'),
    [`${acme}TRACES_ENDPOINT`]: 'https://acme.example/in?token=secret-in-query',
    [`${acme}HEADERS`]: "x-team=secret-in-header,x.team=secret-in-other,x'y=third-secret",
    [`${acme}PROXY`]: 'http://secret-user:secret-password@proxy.example:3128',
    [`${acme}CERTIFICATE`]: pemPath('ca'),
    [`${acme}CLIENT_CERTIFICATE`]: pemPath('client'),
    [`${acme}CLIENT_KEY`]: pemPath('client-key'),
    [`${acme}RETRY_MAX_ELAPSED`]: '1500',
    SIGNALBOX_BACKEND_IN_ENDPOINT: 'http://127.0.0.1:4400/it%27s/$HOME',
    SIGNALBOX_BACKEND_IN_API_KEY_FILE: keyFile,
    SIGNALBOX_BACKEND_IN_PROTOCOL: 'http/json',
    SIGNALBOX_BACKEND_IN_COMPRESSION: 'gzip',
    SIGNALBOX_BACKEND_IN_RETRY_MAX_ELAPSED: '0',
    SIGNALBOX_BACKEND_IN_SCHEDULE_DELAY: '0',
    SIGNALBOX_BACKEND_IN2_ENDPOINT: 'http://127.0.0.1:4400',
  };
}
