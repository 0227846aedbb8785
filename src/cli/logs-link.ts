import type { BraintrustApp } from '../config/braintrust-app.js';

/** Where a person finds what a Braintrust backend has been sent, or why no address can be given. Holds no secret. */
export type LogsLink = { readonly url: string } | { readonly missing: string };

/**
 * The page of Braintrust's application that shows what goes to `parent`: a project's logs, or an experiment. It is put
 * together from names alone: nothing is asked for it, and nobody looks whether it can be reached from here.
 *
 * Its forms are those that Braintrust's own SDK makes: `/app/<org>/p/<project>/logs` for a project's name, and
 * `/app/<org>/object?object_type=...&object_id=...` for an id.
 *
 * @param parent - What `x-bt-parent` says: `project_name:`, `project_id:` or `experiment_id:` and a value.
 */
export function logsLink(parent: string, { publicUrl, orgName }: BraintrustApp): LogsLink {
  if (typeof publicUrl !== 'string') {
    const { where, what, hint } = publicUrl;
    return { missing: `no link, as ${where} ${what} (${hint})` };
  }
  const path = pathOf(parent);
  if (path === undefined) {
    return { missing: 'no link, as the parent is neither a project nor an experiment' };
  }
  if (orgName === undefined) {
    return { missing: 'set BRAINTRUST_ORG_NAME to the name of the organization, for the link' };
  }
  return { url: `${publicUrl}/app/${encodeURIComponent(orgName)}${path}` };
}

function pathOf(parent: string): string | undefined {
  const [, kind, value] = /^([a-z_]+):(.+)$/s.exec(parent) ?? [];
  if (kind === undefined || value === undefined) return undefined;
  const id = encodeURIComponent(value);
  switch (kind) {
    case 'project_name':
      return `/p/${id}/logs`;
    case 'project_id':
      return `/object?object_type=project_logs&object_id=${id}`;
    case 'experiment_id':
      return `/object?object_type=experiment&object_id=${id}`;
    default:
      return undefined;
  }
}
