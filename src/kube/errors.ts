import type { Status } from "../api/meta.ts";

/** A request that an API server refused, or that never reached one. `status` is what Kubernetes would send. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: Status;

  constructor(status: Status, options?: { cause?: unknown }) {
    super(status.message ?? status.reason ?? "request failed", options);
    this.status = status;
  }

  get code(): number {
    return this.status.code;
  }

  get reason(): string {
    return this.status.reason ?? "";
  }
}

/** Builds the Status of a failure (K8S section 4). `details` without members are left out. */
export function failure(
  code: number,
  reason: string,
  message: string,
  details?: NonNullable<Status["details"]>,
): ApiError {
  const status: Status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code };
  if (reason !== "") status.reason = reason;
  if (details) status.details = details;
  return new ApiError(status);
}

export function isApiError(error: unknown): error is ApiError {
  return error instanceof ApiError;
}

export function isNotFound(error: unknown): boolean {
  return isApiError(error) && error.code === 404;
}

export function isConflict(error: unknown): boolean {
  return isApiError(error) && error.code === 409 && error.reason === "Conflict";
}

export function isAlreadyExists(error: unknown): boolean {
  return isApiError(error) && error.code === 409 && error.reason === "AlreadyExists";
}

export function isInvalid(error: unknown): boolean {
  return isApiError(error) && (error.code === 422 || error.code === 400);
}

/** 410: a watch or list asked for a revision that is no longer kept. */
export function isExpired(error: unknown): boolean {
  return isApiError(error) && error.code === 410;
}
