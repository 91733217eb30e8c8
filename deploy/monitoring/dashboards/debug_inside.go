package dashboards

func copyOfRedis() []Panel {
	return []Panel{
		{
			ID: 10, Title: "Follower", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8,
			Description: "For how long a process has not known that it had missed no change.",
			Queries:     []Query{each("cors_follower_lag_seconds", "{{instance}}")},
		},
		{
			ID: 11, Title: "Readings of everything", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "How often all tenants were read again in 10 minutes.",
			Queries:     []Query{total("cors_follower_resyncs_total", "resynchronised")},
		},
		{
			ID: 12, Title: "Entries in memory", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "Tenants, and hosts of which is known that nobody has them (negative).",
			Queries:     []Query{each("cors_cache_entries", "{{instance}} {{cors_cache_segment}}")},
		},
		{
			ID: 13, Title: "Loads on demand", Kind: TimeSeries, Unit: "reqps", Width: 8, Height: 8,
			Description: "Lookups that memory could not answer and that gave nothing, by cause: no such tenant, refused by the limiter, not within --lookup-budget, failed, expired.",
			Queries:     []Query{rateBy("cors_store_loads_total", "cors_load_result")},
		},
		{
			ID: 14, Title: "Contradictions", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "In 10 minutes: documents older than the one in force, and entries of the change stream, or keys of hosts, that fit no document.",
			Queries: []Query{
				total("cors_store_regressions_total", "older"),
				total("cors_store_integrity_errors_total", "contradictory"),
			},
		},
		{
			ID: 15, Title: "Recorded uses", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "In 10 minutes: batches of last uses that were sent.",
			Queries: []Query{
				{Expr: "sum by (cors_flush_result) (increase(cors_usage_flushes_total" + chosen + "[10m]))", Legend: "uses: {{cors_flush_result}}"},
			},
		},
		{
			ID: 16, Title: "Time of Redis", Kind: TimeSeries, Unit: "s", Width: 12, Height: 8,
			Description: "p99 of commands and pipelines, by operation.",
			Queries: []Query{{
				Expr:   "histogram_quantile(0.99, sum by (db_operation_name, le) (rate(db_client_operation_duration_seconds_bucket" + chosen + "[$__rate_interval])))",
				Legend: "{{db_operation_name}}",
			}},
		},
		{
			ID: 17, Title: "Errors of Redis", Kind: TimeSeries, Unit: "reqps", Width: 12, Height: 8,
			Description: "Commands and pipelines that failed, by kind. Nothing here is as it should be.",
			Queries: []Query{{
				Expr:   `sum by (db_operation_name, error_type) (rate(db_client_operation_duration_seconds_count{instance=~"$instance",error_type!=""}[$__rate_interval]))`,
				Legend: "{{db_operation_name}} {{error_type}}",
			}},
		},
	}
}

func inside() []Panel {
	return []Panel{
		{
			ID: 20, Title: "Requests in flight", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "Streams of Envoy. In design A one lasts as long as the application takes.",
			Queries:     []Query{each("cors_streams_active", "{{instance}}")},
		},
		{
			ID: 21, Title: "Goroutines", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "Follow the requests in flight. What only grows is a leak.",
			Queries:     []Query{each("go_goroutines", "{{instance}}")},
		},
		{
			ID: 22, Title: "Memory", Kind: TimeSeries, Unit: "bytes", Width: 8, Height: 8,
			Description: "Resident memory, and what the Go runtime may use.",
			Queries:     []Query{each("process_resident_memory_bytes", "{{instance}}"), each("go_memory_limit_bytes", "{{instance}} limit")},
		},
		{
			ID: 23, Title: "Processor time", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "Processors in use, and those that garbage collection uses.",
			Queries: []Query{
				{Expr: "rate(process_cpu_seconds_total" + chosen + "[$__rate_interval])", Legend: "{{instance}}"},
				{Expr: "rate(go_gc_cpu_seconds_total" + chosen + "[$__rate_interval])", Legend: "{{instance}} collection"},
			},
		},
		{
			ID: 24, Title: "Lost lines and spans", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "A second, by cause.",
			Queries:     []Query{rateBy("cors_log_dropped_total", "cors_log_drop"), rateBy("cors_spans_dropped_total", "cors_span_drop")},
		},
		{
			ID: 25, Title: "Probes, time by path", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8,
			Description: "The slowest case directly and through the edge.",
			Queries:     []Query{{Expr: "max by (cors_probe_path) (cors_probe_duration_seconds)", Legend: "{{cors_probe_path}}"}},
		},
	}
}
