/* client.ts -- what somebody writes who has only the contract: a client generated from api/openapi.yaml, against a live
 * daemon. Where it does not compile the contract's types say too little; where it fails at run time they say what is not so.
 *
 *     node client.js URL KEY */
import assert from "node:assert/strict";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, operations, paths } from "./schema.js";

type Schemas = components["schemas"];

/* --- what the types must be, at compile time ------------------------------------------------------------------------------ */

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T | void => undefined;

is<Equal<Schemas["Evaluation"]["rank"], number | null>>();
is<Equal<Schemas["Evaluation"]["score"], string>>(); // money and scores are text, never a number
is<Equal<Schemas["Money"]["amount"], string>>();
is<Equal<Schemas["Verdict"]["opened_at"], string | null>>();
is<Equal<NonNullable<Schemas["Verdict"]["cycle"]>["rule"], "no_parts" | "local_stock" | "last_shipment">>();
is<Equal<Schemas["StoredRecord"]["line"], string | undefined>>();
is<Equal<Schemas["Problem"]["errors"][number]["pointer"], string | undefined>>();
is<Equal<Schemas["OrderList"]["next"], string | null>>();
is<Equal<operations["get_verdict"]["parameters"]["path"], { provider: string; order: string }>>();
// @ts-expect-error: a channel that is none
export const noChannel: Schemas["OrderOpened"]["channel"] = "phone";
// @ts-expect-error: a request for a part does not have an opening's members
export const noEvent: Schemas["RepairEvent"] = { type: "part.requested", id: "1", provider: "P", order: "W", at: "", channel: "ccc" };
// @ts-expect-error: a standard has one unit
export const noStandard: Schemas["Standard"] = { hours: 3 };

/* --- the program ---------------------------------------------------------------------------------------------------------- */

const [url, key] = process.argv.slice(2);
assert(url && key, "usage: client.js URL KEY");
const api = createClient<paths, `application/${string}json`>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
const provider = "TS01";

/** What is told of a problem, for people. */
function tell(problem: Schemas["Problem"]): string {
    const where = problem.errors.map((e) => `${e.pointer ?? e.parameter ?? ""} ${e.code}`);
    return [`${problem.status} ${problem.code}: ${problem.title}`, ...where].join("; ");
}

async function register(): Promise<void> {
    const body = { name: "Typed", city: "Beijing", ascim: false };
    const first = await api.PUT("/v1/providers/{provider}", { params: { path: { provider } }, body });
    assert.equal(first.response.status, 201);
    assert(first.data && "versions" in first.data);
    assert.equal(first.data.versions[0]?.city, "Beijing");
    const again = await api.PUT("/v1/providers/{provider}", { params: { path: { provider } }, body });
    assert.equal(again.response.status, 200);
}

const opened = (n: number): Schemas["OrderOpened"] => ({
    id: `T${n}-1`, type: "order.opened", provider, order: `T${n}`, at: `2001-02-0${n}T09:00:00+08:00`,
    channel: "walk_in", product: "notebook", warranty: "in",
});
const closed = (n: number): Schemas["OrderClosed"] => ({
    id: `T${n}-2`, type: "order.closed", provider, order: `T${n}`, at: `2001-02-0${n}T15:00:00+08:00`, outcome: "repaired",
});

async function sendRecords(): Promise<void> {
    const one = await api.POST("/v1/repair-events", { body: opened(5) });
    assert.equal(one.response.status, 201);
    assert(one.data && "status" in one.data);
    assert.equal(one.data.status, "accepted");

    const array: Schemas["RepairEvent"][] = [closed(5), opened(6), closed(6)];
    const many = await api.POST("/v1/repair-events", { body: array });
    assert(many.data && "upload" in many.data);
    assert.deepEqual([many.data.received, many.data.accepted, many.data.errors.length], [3, 3, 0]);

    const lines = [opened(7), closed(7), { ...opened(8), at: "yesterday" }].map((r) => JSON.stringify(r)).join("\n");
    const bulk = await api.POST("/v1/repair-events", {
        body: lines, bodySerializer: (x) => x as string, headers: { "Content-Type": "application/x-ndjson" },
    });
    assert(bulk.data && "upload" in bulk.data && bulk.data.upload);
    assert.deepEqual([bulk.data.accepted, bulk.data.rejected], [2, 1]);
    assert.deepEqual(bulk.data.errors.map((e) => [e.line, e.pointer, e.code]), [[3, "/at", "invalid_time"]]);

    const upload = await api.GET("/v1/uploads/{upload}", { params: { path: { upload: bulk.data.upload } } });
    assert.equal(upload.data?.status, "done");
}

async function readOrders(): Promise<void> {
    const orders: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
        const query: NonNullable<operations["list_orders"]["parameters"]["query"]> = { limit: 2, state: "closed" };
        if (cursor) query.cursor = cursor;
        const page = await api.GET("/v1/providers/{provider}/orders", { params: { path: { provider }, query } });
        if (page.error) throw new Error(tell(page.error));
        orders.push(...page.data.items.map((o) => o.order));
        cursor = page.data.next;
    }
    assert.deepEqual(orders, ["T7", "T6", "T5"]);

    const path = { provider, order: "T5" };
    const order = await api.GET("/v1/providers/{provider}/orders/{order}", { params: { path } });
    assert.deepEqual(order.data?.records.map((r) => [r.type, r.channel]), [["order.opened", "walk_in"], ["order.closed", undefined]]);

    const verdict = await api.GET("/v1/providers/{provider}/orders/{order}/verdict", { params: { path } });
    assert.equal(verdict.data?.outcome, "compliant");
    assert.equal(verdict.data.cycle?.rule, "no_parts");
    assert.match(verdict.data.explanation.text["zh-CN"], /\p{Script=Han}/u);
}

async function poll(): Promise<void> {
    const path = { provider, scheme: "hp-gold-fy01", period: "2001-02" };
    const first = await api.GET("/v1/providers/{provider}/evaluations/{scheme}/{period}", { params: { path } });
    assert(first.data);
    assert.deepEqual(first.data.indicators.map((i) => [i.code, i.numerator, i.denominator])[0], ["tat", 3, 3]);
    const etag = first.response.headers.get("ETag");
    assert(etag);
    const again = await api.GET("/v1/providers/{provider}/evaluations/{scheme}/{period}", {
        params: { path, header: { "If-None-Match": etag } },
    });
    assert.equal(again.response.status, 304);
    assert.equal(again.data, undefined);
}

async function handleProblems(): Promise<void> {
    const missing = await api.GET("/v1/providers/{provider}/orders/{order}", { params: { path: { provider, order: "NONE" } } });
    assert(missing.error);
    assert.equal(tell(missing.error), "404 not_found: No such resource");

    const bad = { ...opened(9), at: "2001-02-09T09:00:00", product: "" };
    const refused = await api.POST("/v1/repair-events", { body: bad });
    assert(refused.error);
    assert.equal(tell(refused.error), "422 validation_failed: The document has errors; /at missing_offset; /product invalid_value");

    const conflict = await api.POST("/v1/repair-events", { body: { ...opened(5), product: "server" } });
    assert.equal(conflict.error?.code, "id_conflict");

    const withoutKey: Middleware = {
        onRequest({ request }) {
            request.headers.delete("Authorization");
            return request;
        },
    };
    api.use(withoutKey);
    const unknown = await api.GET("/v1/providers", {});
    assert.equal(unknown.error?.code, "unauthorized");
    assert.equal(unknown.response.headers.get("WWW-Authenticate"), 'Bearer realm="assay"');
    api.eject(withoutKey);
}

await register();
await sendRecords();
await readOrders();
await poll();
await handleProblems();
