import { isIP } from 'node:net';
import { z } from 'zod';
import { type Setting, text } from './setting.js';

/** How a service signs the route keys that it sends, and checks those that it gets. */
export interface RoutePropagatorOptions {
  /**
   * What route keys are signed with, and checked against: 32 bytes of UTF-8 or more, the same in every service
   * that takes part. Make it of random bytes (`openssl rand -base64 32`): a header shows whoever sees it enough
   * to test guesses. Secret.
   */
  secret: string;

  /**
   * A further secret whose keys are accepted, and that signs nothing: the last one while a new one is rolled
   * out, or the next one before it is. Secret.
   */
  previousSecret?: string | undefined;

  /**
   * The servers that may be told the route key: names or addresses as they stand in the client span's
   * `server.address`, or `*.example.internal` for every name below `example.internal`, at any depth and
   * without itself. In any case; without ports; international names in their ASCII form.
   *
   * None, because a route key often names a customer: no third party that the service calls should learn it.
   *
   * @default []
   */
  hosts?: readonly string[] | undefined;
}

/** Shortest secret, in bytes: as long as the output of SHA-256, as RFC 2104 asks of a key of HMAC. */
const MIN_SECRET_BYTES = 32;

/**
 * The settings of the `RoutePropagator`, by their keys in code. Beside the processor's, because a service may
 * propagate keys without exporting a span; from variables alone, because one file may serve many services.
 */
export const propagationSettings = {
  secret: secret({
    variable: 'PROPAGATION_SECRET',
    description:
      'Signs route keys for other services, and verifies theirs: 32 bytes or more, the same in all of them.',
  }),
  previousSecret: secret({
    variable: 'PROPAGATION_SECRET_PREVIOUS',
    description: 'A further secret that verifies and does not sign, for rotation.',
  }),
  hosts: {
    variable: 'PROPAGATION_HOSTS',
    form: 'names',
    type: 'names',
    fault: 'is not a list of hosts',
    hint: 'names of servers, or *.suffix for all below one',
    part: {
      fault: 'is not a host',
      hint: 'a name or an address without scheme and port, or *.suffix; international names in their ASCII form',
    },
    description:
      'Servers that may be told the route key, comma-separated: names, addresses, or `*.suffix`. Without it none is.',
    schema: z.array(z.string().refine(isHostPattern)),
  },
} as const satisfies { [K in keyof RoutePropagatorOptions]-?: PropagationSetting };

type PropagationSetting = Setting & { readonly variable: string };

function secret({ variable, description }: { variable: string; description: string }) {
  const setting = text({
    variable,
    type: 'text',
    hint: `${MIN_SECRET_BYTES} bytes or more, such as openssl rand -base64 ${MIN_SECRET_BYTES} prints`,
    description,
    isSecret: true,
    schema: z.string().refine((value) => Buffer.byteLength(value) >= MIN_SECRET_BYTES),
  });
  return { ...setting, variable, fault: `is not text of ${MIN_SECRET_BYTES} bytes or more` };
}

function isHostPattern(pattern: string): boolean {
  return isIP(pattern) !== 0 || hostPattern.test(pattern);
}

// Underscores stand in no host name of the Internet, and in many of a container network.
const hostPattern =
  /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i;
