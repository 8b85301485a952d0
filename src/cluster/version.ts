/**
 * What `/version` and the node say (K8S-59). The number is that of the Kubernetes API which is served: clients and charts compare
 * it. `+fairway` tells people who answers.
 */
export const SERVER_VERSION = {
  major: "1",
  minor: "34",
  gitVersion: "v1.34.0+fairway",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
} as const;
