/** Something at Braintrust that a request has touched, such as a project. */
export interface AuditResource {
  readonly type: string;
  readonly id: string;
  readonly name: string;
}

/** What a Braintrust deployment has told of one request, in the headers of its answer. */
export interface AuditEvent {
  /** The backend's name. */
  readonly backend: string;
  /** When the answer came, in milliseconds since the epoch. */
  readonly at: number;
  readonly httpStatus: number;
  /** How many spans the request had. */
  readonly spans: number;
  /** `x-request-id`. */
  readonly requestId?: string;
  /** `x-bt-audit-user-id`: whose key it was. */
  readonly userId?: string;
  /** `x-bt-audit-user-email`. */
  readonly userEmail?: string;
  /** `x-bt-audit-normalized-url`: the URL, its ids replaced. */
  readonly normalizedUrl?: string;
  /** `x-bt-audit-resources`, decoded; empty without it. */
  readonly resources: readonly AuditResource[];
  /** Why `x-bt-audit-resources` could not be read. */
  readonly fault?: string;
}
