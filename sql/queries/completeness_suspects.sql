-- Orders that may have no opening, of the providers: dispatched when they were "opened", in [$2, $3) or closed then; and those with
-- neither opening nor dispatch. Their records decide.
SELECT o.provider_id, o.state, o.channel, o.customer_class, o.warranty, o.opened_at, o.dispatched_at, o.closed_at, o.order_no, o.product, o.packed
FROM unnest($1::int4[]) p(provider_id)
CROSS JOIN LATERAL (
    SELECT * FROM work_order w
    WHERE w.provider_id = p.provider_id AND w.state > 0 AND w.opened_at = w.dispatched_at
      AND coalesce(w.opened_at, '-infinity') >= $2::timestamptz AND coalesce(w.opened_at, '-infinity') < $3::timestamptz
    UNION ALL
    SELECT * FROM work_order w
    WHERE w.provider_id = p.provider_id AND w.closed_at >= $2::timestamptz AND w.closed_at < $3::timestamptz
      AND w.opened_at = w.dispatched_at AND NOT (w.opened_at >= $2::timestamptz AND w.opened_at < $3::timestamptz)
    UNION ALL
    SELECT * FROM work_order w WHERE w.provider_id = p.provider_id AND w.opened_at IS NULL
) o
ORDER BY o.provider_id;
