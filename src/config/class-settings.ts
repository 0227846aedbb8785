import { z } from 'zod';
import { classNameHint, isClassName } from './class-name.js';
import { record, type Setting, text } from './setting.js';

const className = z.string().refine(isClassName);

/** The class of one backend. */
export const backendClass: Setting<string> = {
  ...text({
    variable: 'CLASS',
    type: 'name',
    hint: classNameHint,
    description: 'Its residency class, such as `eu`: where it is, or whose spans it may have.',
    schema: className,
  }),
  fault: 'is not the name of a class',
};

/** Which classes exclude each other. */
export const exclusiveClasses: Setting<string[][]> = {
  variable: 'EXCLUSIVE_CLASSES',
  form: 'groups',
  type: 'groups of classes',
  fault: 'is not a list of groups of classes',
  hint: 'classes that exclude each other, such as eu|us; in a file and in code [[eu, us]]',
  part: {
    fault: 'is not a group of two classes or more, each once',
    hint: `such as eu|us; a class is ${classNameHint}`,
  },
  description:
    'Residency classes of which the spans of one route key may reach one alone, separated by vertical bars. Several such groups are comma-separated.',
  schema: z.array(
    z
      .array(className)
      .min(2)
      .refine((group) => new Set(group).size === group.length),
  ),
};

/** Which class a route key requires. */
export const routeClasses: Setting<Record<string, string>> = {
  variable: 'ROUTE_CLASSES',
  form: 'byKey',
  type: '`key=class,...`',
  fault: 'is not a class for each route key',
  hint: 'such as acme=eu; in a file and in code { acme: eu }',
  part: { fault: 'is not the name of a class', hint: classNameHint },
  description: 'The residency class that a route key requires of every backend that it leads to.',
  schema: record(className),
};
