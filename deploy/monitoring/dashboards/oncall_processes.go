package dashboards

func latency() []Panel {
	return []Panel{
		{
			ID: 40, Title: "Time of a decision", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8,
			Description: "By whether the tenant was in memory. The edges of the histogram are 10 µs to 50 ms; values in between are estimated.",
			Queries: []Query{
				{Expr: decisionQuantile("0.5"), Legend: "{{cors_cache}} p50"},
				{Expr: decisionQuantile("0.99"), Legend: "{{cors_cache}} p99"},
				{Expr: decisionQuantile("0.999"), Legend: "{{cors_cache}} p99.9"},
			},
		},
		{
			ID: 41, Title: "Slow decisions", Kind: TimeSeries, Unit: "percentunit", Width: 8, Height: 8, Limits: []Limit{{0.0005, "yellow"}, {0.0072, "red"}},
			Description: "Share of the decisions that took longer than 25 ms.",
			Queries: []Query{
				{Expr: "cors:decision_slow:ratio_rate5m", Legend: "5 minutes"},
				{Expr: "cors:decision_slow:ratio_rate1h", Legend: "1 hour"},
				{Expr: "cors:decision_slow:ratio_rate6h", Legend: "6 hours"},
			},
		},
		{
			ID: 42, Title: "Stalls", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8, Limits: []Limit{{0.05, "red"}},
			Description: "How late one timer in a hundred fires: pauses of the whole process, by throttling, garbage collection or a busy machine.",
			Queries:     []Query{{Expr: "histogram_quantile(0.99, sum by (instance, le) (rate(cors_stall_seconds_bucket[10m])))", Legend: "{{instance}}"}},
		},
		{
			ID: 43, Title: "Memory and garbage collection", Kind: TimeSeries, Unit: "percentunit", Width: 8, Height: 8, Limits: []Limit{{0.25, "yellow"}, {0.85, "red"}},
			Description: "Share of the memory limit that is used, and of the processor time that garbage collection takes. Alerts at 85 % and 25 %.",
			Queries: []Query{
				{Expr: ours("process_resident_memory_bytes") + " / " + ours("go_memory_limit_bytes"), Legend: "{{instance}} memory"},
				{Expr: oursRate("go_gc_cpu_seconds_total") + " / " + oursRate("process_cpu_seconds_total"), Legend: "{{instance}} collection"},
			},
		},
		{
			ID: 44, Title: "Panics and rejected answers", Kind: TimeSeries, Unit: "short", Width: 4, Height: 8, Limits: []Limit{{1, "red"}},
			Description: "In 5 minutes. Both are faults of ours, and never to be silenced.",
			Queries: []Query{
				{Expr: "sum(increase(cors_panics_total[5m]))", Legend: "panics"},
				{Expr: "sum(increase(cors_reply_rejected_total[5m]))", Legend: "rejected answers"},
			},
		},
		{
			ID: 45, Title: "Processes by version", Kind: TimeSeries, Unit: "short", Width: 4, Height: 8, Stack: true,
			Description: "Processes that are scraped.",
			Queries:     []Query{{Expr: "sum by (version) (cors_build_info)", Legend: "{{version}}"}},
		},
		{
			ID: 46, Title: "Lost lines and spans", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8, Limits: []Limit{{1, "yellow"}},
			Description: "A second. Beyond the cap (rate, cap) is meant to be lost; sink and export mean that nobody takes them.",
			Queries: []Query{
				{Expr: "sum by (cors_log_drop) (rate(cors_log_dropped_total[5m]))", Legend: "lines: {{cors_log_drop}}"},
				{Expr: "sum by (cors_span_drop) (rate(cors_spans_dropped_total[5m]))", Legend: "spans: {{cors_span_drop}}"},
			},
		},
		{
			ID: 47, Title: "Backup on disk and clock", Kind: TimeSeries, Unit: "s", Width: 12, Height: 8, Limits: []Limit{{7200, "yellow"}},
			Description: "Age of the backup of the documents on disk, and the difference between the clocks of the machine and of Redis.",
			Queries: []Query{
				{Expr: "max by (instance) (cors_snapshot_age_seconds)", Legend: "{{instance}} copy"},
				{Expr: "max by (instance) (abs(cors_clock_offset_seconds))", Legend: "{{instance}} clock"},
			},
		},
		{
			ID: 48, Title: "Metrics that overflow", Kind: TimeSeries, Unit: "short", Width: 12, Height: 8, Limits: []Limit{{1, "yellow"}},
			Description: "Metrics with more series than they may have, whose values are merged. Nothing here is as it should be.",
			Queries:     []Query{{Expr: `count by (__name__) ({__name__=~"cors_.+",otel_metric_overflow="true"})`, Legend: "{{__name__}}"}},
		},
	}
}

func decisionQuantile(q string) string {
	return "histogram_quantile(" + q + ", sum by (cors_cache, le) (rate(cors_decision_duration_seconds_bucket[$__rate_interval])))"
}

// ours keeps a metric that every program has to the processes of corsgate.
func ours(metric string) string {
	return "max by (instance) (" + metric + " and on (job, instance) cors_build_info)"
}

func oursRate(metric string) string {
	return "max by (instance) (rate(" + metric + "[5m]) and on (job, instance) cors_build_info)"
}
