import assert from "node:assert/strict";
import { packs } from "../../src/packs/index.ts";
import { widget, widgetCrd } from "./fixtures.ts";
import { type CheckGroup, causes, check, refused, succeeded } from "./scene.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

export const customResources: CheckGroup = {
  name: "custom resources",
  checks: [
    check(177, "a kind can be used as soon as it is applied", async (scene) => {
      const plural = "gadgets";
      const crd = {
        ...widgetCrd,
        metadata: { name: `${plural}.ex.io` },
        spec: { ...widgetCrd.spec, names: { plural, kind: "Gadget", shortNames: ["gd"] } },
      };
      await scene.kubectl("apply -f -", { input: JSON.stringify(crd) });
      const { out, err } = await scene.kubectl("get gd");
      assert.match(out + err, /No resources found/);
      await scene.kubectl(`delete crd ${plural}.ex.io --wait=false`);
    }),
    check(178, "the status of a definition", async (scene) => {
      const { status } = await scene.get(`${CRDS}/widgets.ex.io`);
      const conditions = Object.fromEntries(
        status.conditions.map(({ type, status, reason }: Record<string, string>) => [type, [status, reason]]),
      );
      assert.deepEqual(conditions["NamesAccepted"], ["True", "NoConflicts"]);
      assert.deepEqual(conditions["Established"], ["True", "InitialNamesAccepted"]);
      assert.deepEqual(status.storedVersions, ["v1"]);
    }),
    check(179, "defaults, nulls and status", async (scene) => {
      const spec = { size: 2, items: [{ name: "a" }], nn: null, nd: null, m: null };
      const created = await scene.create(scene.WD, widget("w1", spec, { status: { phase: "Up" } }));
      assert.deepEqual(created.spec, {
        size: 2,
        items: [{ name: "a", v: 7 }],
        nn: null,
        nd: "dd",
        color: "red",
        replicas: 1,
      });
      assert.equal(created.status, undefined);
    }),
    check(180, "unknown fields", async (scene) => {
      const body = widget("w180", { size: 1, unk: 1, raw: { z: 1 } });
      refused(await scene.post(`${scene.WD}?fieldValidation=Strict`, body), 400, 'unknown field "spec.unk"');
      const reply = await scene.post(`${scene.WD}?fieldValidation=Warn`, body);
      const { spec } = succeeded(reply, 201);
      assert.match([reply.headers["warning"]].flat().join(), /unknown field \\"spec.unk\\"/);
      assert.deepEqual([spec.unk, spec.raw], [undefined, { z: 1 }]);
    }),
    check(181, "all violations in one answer", async (scene) => {
      const spec = { size: 99, color: "green", pat: "bbbb", items: [{ v: 1 }], set: ["a", "a"] };
      const status = refused(
        await scene.post(scene.WD, widget("w181", spec)),
        422,
        'Widget.ex.io "w181" is invalid: [',
      );
      const found = causes(status).map((cause) => cause.join(" "));
      for (const expected of [
        "spec.size FieldValueInvalid",
        "spec.color FieldValueNotSupported",
        "spec.pat FieldValueTooLong",
        "spec.items[0].name FieldValueRequired",
        "spec.set[1] FieldValueDuplicate",
      ]) {
        assert.ok(found.includes(expected), `${expected} is not among ${found.join("; ")}`);
      }
    }),
    check(182, "a rule on old and new", async (scene) => {
      await scene.create(scene.WD, widget("w182", { size: 1, imm: "a" }));
      const reply = await scene.patch(`${scene.WD}/w182`, "merge", { spec: { imm: "b" } });
      const message = 'Widget.ex.io "w182" is invalid: spec.imm: Invalid value: "b": imm is immutable';
      refused(reply, 422, message);
      const patch = 'patch wd w182 --type=merge -p {"spec":{"imm":"c"}}';
      const { code, err } = await scene.kubectl(patch, { mayFail: true });
      assert.equal(code, 1);
      assert.match(err, /The Widget "w182" is invalid: spec.imm: Invalid value: "c": imm is immutable/);
      await scene.kubectl("label wd w182 still=writable");
      const shown = await scene.kubectl("get crd widgets.ex.io -o json");
      const crd = JSON.parse(shown.out);
      crd.metadata = { name: "ruled.ex.io" };
      crd.spec.names = { plural: "ruled", kind: "Ruled" };
      delete crd.status;
      const { imm } = crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties;
      imm["x-kubernetes-validations"] = [{ rule: "self.shout() == 'X'" }];
      const broken = await scene.kubectl("apply -f -", { input: JSON.stringify(crd), mayFail: true });
      assert.match(broken.err, /compilation failed: ERROR: <input>:1:11: undeclared reference to 'shout'/);
    }),
    check(183, "columns of a custom kind", async (scene) => {
      const when = new Date(Date.now() - 3 * 3600_000).toISOString();
      const conditions = [{ type: "Ready", status: "True" }];
      succeeded(await scene.patch(`${scene.WD}/w1/status`, "merge", { status: { phase: "Up", when, conditions } }));
      const narrow = await scene.kubectl("get wd w1");
      assert.match(narrow.out, /^NAME +SIZE +PHASE +WHEN +COND +AGE\nw1 +2 +Up +3h\S* +True +\d+s\n$/);
      const wide = await scene.kubectl("get wd w1 -o wide");
      assert.match(wide.out, /^NAME +SIZE +PHASE +WHEN +WIDE +COND +AGE\nw1 +2 +Up +3h\S* +a +True +\d+s\n$/);
    }),
    check(184, "the wrong version or kind in the body", async (scene) => {
      const version = { ...widget("w184"), apiVersion: "ex.io/v2" };
      const text = "the API version in the data (ex.io/v2) does not match the expected API version (ex.io/v1)";
      refused(await scene.post(scene.WD, version), 400, text);
      const kind = { ...widget("w184"), kind: "Foo" };
      refused(await scene.post(scene.WD, kind), 422, 'kind: Invalid value: "Foo": must be Widget');
      const { kind: _, ...without } = widget("w184");
      refused(await scene.post(scene.WD, without), 400, "Object 'Kind' is missing in");
    }),
    check(185, "a second definition of the same kind", async (scene) => {
      const crd = {
        ...widgetCrd,
        metadata: { name: "doodads.ex.io" },
        spec: { ...widgetCrd.spec, names: { plural: "doodads", kind: "Widget" } },
      };
      await scene.create(CRDS, crd);
      const { status } = await scene.get(`${CRDS}/doodads.ex.io`);
      const named = status.conditions.find(({ type }: { type: string }) => type === "NamesAccepted");
      assert.equal(named.status, "False");
      assert.equal((await scene.http("/apis/ex.io/v1/doodads")).code, 404);
      await scene.delete(`${CRDS}/doodads.ex.io`);
    }),
    check(186, "two versions of one object", async (scene) => {
      const other = await scene.get(`${scene.WD.replace("/v1/", "/v2/")}/w1`);
      const { spec } = await scene.get(`${scene.WD}/w1`);
      assert.deepEqual([other.apiVersion, other.spec], ["ex.io/v2", spec]);
    }),
    check(135, "a definition takes its objects along", async (scene) => {
      const plural = "thingies";
      const crd = {
        ...widgetCrd,
        metadata: { name: `${plural}.ex.io` },
        spec: { ...widgetCrd.spec, names: { plural, kind: "Thingy" } },
      };
      await scene.create(CRDS, crd);
      const path = scene.WD.replace("widgets", plural);
      await scene.create(path, { ...widget("t1"), kind: "Thingy" });
      await scene.kubectl(`delete crd ${plural}.ex.io`);
      assert.equal((await scene.http(path)).code, 404);
      const { code, err } = await scene.kubectl(`get ${plural}`, { mayFail: true });
      assert.equal(code, 1);
      assert.match(err, new RegExp(`the server doesn't have a resource type "${plural}"`));
    }),
    check(187, "the definitions of our packs apply without error", async (scene) => {
      const crds = packs.flatMap((pack) => pack.crds);
      const input = crds.map((crd) => JSON.stringify(crd)).join("\n");
      await scene.kubectl("apply -f -", { input });
      const { out } = await scene.kubectl("apply -f -", { input });
      assert.equal(out.match(/ unchanged$/gm)?.length, crds.length, out);
      await scene.kubectl("delete --wait=false -f -", { input });
    }),
  ],
};
