import { expect, test } from 'vitest';
import { signalbox } from './command.js';
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
