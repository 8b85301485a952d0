/**
 * What programs read of the view model (EC-025): each document says its kind, and the version of its shape. Within a version
 * members are only added; `docs/argo-rollouts.md` describes them.
 */
const DOCUMENT_VERSION = "cli.argo.fairway.dev/v1";

export type DocumentKind =
  | "RolloutView"
  | "RolloutBriefList"
  | "RolloutBrief"
  | "ExperimentView"
  | "ExperimentBriefList"
  | "StatusView"
  | "HistoryView"
  | "RevisionView"
  | "WaitView"
  | "VersionView";

export type Document<T extends object> = { readonly apiVersion: string; readonly kind: DocumentKind } & T;

export function documentOf<T extends object>(kind: DocumentKind, content: T): Document<T> {
  return { apiVersion: DOCUMENT_VERSION, kind, ...content };
}
