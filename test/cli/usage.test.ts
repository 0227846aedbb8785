import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { main, signalbox } from './command.js';
import { temporaryFile } from './files.js';

test('lists its commands and its version', async () => {
  const help = await signalbox(['--help']);
  expect(help.code).toBe(0);
  for (const command of ['check', 'explain', 'probe', 'env'])
    expect(help.stdout).toContain(command);
  const version = await signalbox(['--version']);
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

test.each([
  [[]],
  [['chek']],
  [['check', '--unknown']],
  [['check', '--env-file', '/nowhere/.env']],
  [['check', '--config', '/nowhere/signalbox.yaml']],
  [['explain', '--stats', 'no-url']],
  [['env', '--to', 'toml']],
  [['sink', 'a-b', 'A_B']],
  [['sink', 'a', 'a']],
  [['sink', '--host', '']],
])('ends with code 2 and says why: signalbox %j', async (args) => {
  const { code, stdout, stderr } = await signalbox(args);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).not.toBe('');
});

test('a file that can be read and is wrong is a problem of the configuration', async () => {
  const config = temporaryFile('signalbox.yaml', 'backends: [');
  const { code, stdout } = await signalbox(['check', '--config', config]);
  expect(code).toBe(1);
  expect(stdout).toContain(`${config}:1:`);
});

test('a stderr that nobody reads changes no exit code', async () => {
  const child = spawn(process.execPath, [main, 'chek'], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.destroy();
  const [code] = await once(child, 'close');
  expect(code).toBe(2);
});

// A device of Linux, on which no byte can be written.
test.skipIf(!existsSync('/dev/full'))(
  'an output that can not be written is a problem',
  async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'signalbox: the output can not be written (ENOSPC)\n',
    });
  },
);
