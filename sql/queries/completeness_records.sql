-- What stands of the records dated in [$1, $2), by provider: of each kind how many and the last receipt; the last upload; orders
-- named by dispatches; days ($3: their beginnings and the last one's end) with dispatches but no repair event.
WITH standing AS (
    SELECT r.provider_id, r.kind, r.at, r.received_at, r.upload_id, r.order_no
    FROM record r LEFT JOIN voided v USING (provider_id, kind, id)
    WHERE r.at >= $1::timestamptz AND r.at < $2::timestamptz AND v.id IS NULL
), day AS (
    SELECT provider_id, width_bucket(at, $3::timestamptz[]) AS day, max(upload_id) AS upload_id,
           count(*) FILTER (WHERE kind = 0) AS n0, max(received_at) FILTER (WHERE kind = 0) AS r0,
           count(*) FILTER (WHERE kind = 1) AS n1, max(received_at) FILTER (WHERE kind = 1) AS r1,
           count(*) FILTER (WHERE kind = 2) AS n2, max(received_at) FILTER (WHERE kind = 2) AS r2,
           count(*) FILTER (WHERE kind = 3) AS n3, max(received_at) FILTER (WHERE kind = 3) AS r3,
           count(*) FILTER (WHERE kind = 4) AS n4, max(received_at) FILTER (WHERE kind = 4) AS r4
    FROM standing GROUP BY provider_id, day
), named AS (
    SELECT provider_id, count(DISTINCT order_no) AS orders FROM standing WHERE kind = 2 GROUP BY provider_id
)
SELECT provider_id, sum(n0)::int8, max(r0), sum(n1)::int8, max(r1), sum(n2)::int8, max(r2), sum(n3)::int8, max(r3), sum(n4)::int8, max(r4),
       max(upload_id), coalesce(max(orders), 0),
       count(*) FILTER (WHERE n2 > 0 AND n0 = 0 AND day > 0 AND day < cardinality($3::timestamptz[]))
FROM day LEFT JOIN named USING (provider_id)
GROUP BY provider_id ORDER BY provider_id;
