import { z } from 'zod';
import { headerValueFault } from './headers.js';
import type { RouteEntry } from './route-targets.js';
import { record, type Setting } from './setting.js';

const routeEntry: z.ZodType<RouteEntry> = z.union([
  z.string(),
  z.strictObject({
    backend: z.string(),
    role: z.enum(['primary', 'shadow']).optional(),
    share: z.string().optional(),
  }),
]);

/** What each route key leads to. */
export const routes: Setting<Record<string, RouteEntry[]>> = {
  variable: 'ROUTES',
  form: 'routes',
  type: '`key=backend[+backend...],...`',
  fault: 'is not a set of routes',
  hint: 'a list of the names of backends for each key',
  part: {
    fault: 'is not a route',
    hint: 'a list of names of backends, or of { backend, role, share }',
  },
  description:
    "What each route key leads to. Without it each backend's own name is its key; with it only these keys exist.",
  schema: record(z.array(routeEntry)),
};

/** Which parent a route key has at backends that have parents. */
export const routeParents: Setting<Record<string, string>> = {
  variable: 'ROUTE_PARENTS',
  form: 'byKey',
  type: '`key=parent,...`',
  fault: 'is not a parent for each route key',
  hint: 'such as acme=project_name:acme; in a file and in code { acme: "project_name:acme" }',
  part: { fault: 'is not a parent', hint: 'such as project_name:acme' },
  description:
    "Parent of a route key's spans at Braintrust, in place of the backend's own. A comma in one is `%2C`.",
  schema: record(
    z
      .string()
      .min(1)
      .refine((value) => headerValueFault(value) === undefined),
  ),
};
