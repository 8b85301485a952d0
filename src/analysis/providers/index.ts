import { MeasurementError, type Provider, type Providers } from "../provider.ts";
import { cloudWatch } from "./cloud-watch.ts";
import { datadog } from "./datadog.ts";
import { graphite } from "./graphite.ts";
import { influxdb } from "./influxdb.ts";
import { kayenta } from "./kayenta.ts";
import { newRelic } from "./new-relic.ts";
import { prometheus } from "./prometheus.ts";
import { skywalking } from "./skywalking.ts";
import { wavefront } from "./wavefront.ts";
import { web } from "./web.ts";

/** Plugins are programs of the original's controller, which speak to it through its own library. */
const plugin: Provider = {
  type: "RPCPlugin",
  async measure({ metric }) {
    const name = Object.keys(metric.provider.plugin ?? {}).join(", ");
    throw new MeasurementError(`metric plugin "${name}" cannot run: Fairway does not start metric provider plugins`);
  },
};

/** Every provider but `job`, by the member of `metric.provider`. */
export const providers: Providers = {
  prometheus,
  web,
  kayenta,
  datadog,
  newRelic,
  wavefront,
  graphite,
  influxdb,
  cloudWatch,
  skywalking,
  plugin,
};
