-- What completeness asks: records by the time they are dated, and orders that nothing opened.
--
-- record only grows, roughly in time: a block range index costs its writers nothing to speak of and leads to a month's blocks.
CREATE INDEX record_by_at ON record USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
-- Orders with neither opening nor dispatch are few: records that came ahead, or whose opening never came.
CREATE INDEX work_order_unopened ON work_order (provider_id) WHERE opened_at IS NULL;
