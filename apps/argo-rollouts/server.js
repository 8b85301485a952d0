// Stands where Argo Rollouts' install.yaml expects the controller: Fairway's control plane does that work itself (with
// `fairway up --packs istio,argo`). It answers the Deployment's probes, so that the installation looks as its reader
// expects, and its log says where the work is done.

import http from "node:http";

const { POD_IP: ip = "127.0.0.1" } = process.env;
const HEALTH_PORT = 8080; // the manifest's port `healthz`

const server = http.createServer((request, response) => {
  request.resume();
  const isKnown = request.url === "/healthz" || request.url === "/readyz";
  response.writeHead(isKnown ? 200 : 404, { "content-type": "text/plain; charset=utf-8" });
  response.end(isKnown ? "ok" : "not found");
});
server.on("error", (error) => {
  console.error(`argo-rollouts: cannot listen on ${ip}:${HEALTH_PORT}: ${error.message}`);
  process.exit(1);
});
server.listen(HEALTH_PORT, ip, () => {
  console.log(
    "Argo Rollouts is built into Fairway: its control plane runs the Rollouts, this pod only stands in its place.",
  );
});

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
