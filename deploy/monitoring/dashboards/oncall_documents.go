package dashboards

func documents() []Panel {
	return []Panel{
		{
			ID: 20, Title: "Redis and what is held back", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "Processes that reach Redis, that see another registry than before, and that hold a mass change back. Nothing here with tenants in files.",
			Queries: []Query{
				{Expr: "sum(cors_store_up)", Legend: "reach Redis"},
				{Expr: "sum(cors_store_epoch_mismatch)", Legend: "see another registry"},
				{Expr: "sum(cors_mass_change_held)", Legend: "hold a mass change"},
			},
		},
		{
			ID: 21, Title: "Age of what decides", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8, Limits: []Limit{{43200, "red"}},
			Description: "Age of the least recently confirmed document of each process. At --max-stale its tenant is refused.",
			Queries:     []Query{{Expr: "max by (instance) (cors_policy_oldest_age_seconds)", Legend: "{{instance}}"}},
		},
		{
			ID: 22, Title: "Behind the others", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8,
			Description: "By how much the last change that a process took is older than the newest one any took. A step that stays is a process that is stuck.",
			Queries:     []Query{{Expr: "(scalar(max(cors_policy_generation)) - max by (instance) (cors_policy_generation)) / 1000", Legend: "{{instance}}"}},
		},
		{
			ID: 23, Title: "Changes and refusals of documents", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "Documents that came into force in 10 minutes (in the process with most), documents that were refused, and contradictions found in Redis.",
			Queries: []Query{
				{Expr: "max by (cors_change) (increase(cors_policy_changes_total[10m]))", Legend: "{{cors_change}}"},
				{Expr: "max by (cors_reject_reason) (increase(cors_policy_rejected_total[10m]))", Legend: "refused: {{cors_reject_reason}}"},
				{Expr: "max(increase(cors_store_integrity_errors_total[10m]))", Legend: "contradictions"},
			},
		},
		{
			ID: 24, Title: "Until a change counts", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8, Limits: []Limit{{5, "red"}},
			Description: "What a probe waited until an allowed, and a withdrawn, origin counted.",
			Queries:     []Query{{Expr: "max by (cors_probe_change) (cors_probe_propagation_seconds)", Legend: "{{cors_probe_change}}"}},
		},
		{
			ID: 25, Title: "Lag of followers", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8, Limits: []Limit{{35, "red"}},
			Description: "For how long a process has not known that it had missed no change.",
			Queries:     []Query{{Expr: "max by (instance) (cors_follower_lag_seconds)", Legend: "{{instance}}"}},
		},
		{
			ID: 26, Title: "Tenants in memory", Kind: TimeSeries, Unit: "short", Width: 12, Height: 7, Stack: true,
			Description: "Tenants of the process with most, by how well they are known: live, stale, from the disk, expired.",
			Queries:     []Query{{Expr: "max by (cors_policy_source) (cors_tenants)", Legend: "{{cors_policy_source}}"}},
		},
		{
			ID: 27, Title: "What decides", Kind: TimeSeries, Unit: "reqps", Width: 12, Height: 7, Stack: true,
			Description: "Decisions by how fresh their document was.",
			Queries:     []Query{{Expr: "sum by (cors_policy_source) (rate(cors_policy_source_decisions_total[$__rate_interval]))", Legend: "{{cors_policy_source}}"}},
		},
	}
}

func refused() []Panel {
	return []Panel{
		{
			ID: 30, Title: "Denied now, allowed by the previous version", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8, Limits: []Limit{{20, "red"}},
			Description: "Denials in 10 minutes that a change of a document brought and did not announce. The first thing to look at after a blue mark.",
			Queries: []Query{{
				Expr:   `sum by (cors_tenant_tier, cors_reason) (increase(cors_regression_denials_total{cors_tenant_tier=~"$tier"}[10m]))`,
				Legend: "{{cors_tenant_tier}} {{cors_reason}}",
			}},
		},
		{
			ID: 31, Title: "Tenants with most denials", Kind: BarGauge, Unit: "short", Width: 8, Height: 8,
			Description: "About: at most 50 tenants a process are told apart, the rest is _other. Origins and reasons are on /denials of the processes.",
			Queries:     []Query{{Expr: "topk(10, sum by (cors_tenant_id) (cors_tenant_denials_topk))", Legend: "{{cors_tenant_id}}", Instant: true}},
		},
		{
			ID: 32, Title: "Blocked in browsers", Kind: TimeSeries, Unit: "percentunit", Width: 8, Height: 8, Limits: []Limit{{0.001, "yellow"}, {0.0144, "red"}},
			Description: "Share of the requests that pages reported as blocked by CORS; apart those with cookies. Anybody can report: look for the same elsewhere.",
			Queries: []Query{
				{Expr: "cors:rum_blocked:ratio_rate5m", Legend: "all, 5 minutes"},
				{Expr: "cors:rum_blocked:ratio_rate1h", Legend: "all, 1 hour"},
				{Expr: "cors:rum_credentialed_blocked:ratio_rate5m", Legend: "with cookies, 5 minutes"},
				{Expr: "cors:rum_credentialed_blocked:ratio_rate1h", Legend: "with cookies, 1 hour"},
			},
		},
		{
			ID: 33, Title: "Reports of browsers", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "Reports in 10 minutes by what became of them, the networks they came from, and responses without an expected header. Few networks and many blocks: a forger.",
			Queries: []Query{
				{Expr: "sum by (cors_rum_result) (increase(cors_rum_reports_total[10m]))", Legend: "{{cors_rum_result}}"},
				{Expr: "max(cors_rum_networks)", Legend: "networks"},
				{Expr: "sum(increase(cors_rum_exposed_missing_total[10m]))", Legend: "header missing"},
			},
		},
		{
			ID: 34, Title: "Preflights that fail", Kind: TimeSeries, Unit: "percentunit", Width: 8, Height: 8, Limits: []Limit{{0.005, "yellow"}},
			Description: "Share of the preflights that are denied or fail, unknown hosts left out. A scanner raises it as well as a fault.",
			Queries:     []Query{{Expr: `cors:preflight_failed:ratio_rate5m{cors_tenant_tier=~"$tier"}`, Legend: "{{cors_tenant_tier}}"}},
		},
		{
			ID: 35, Title: "Unknown hosts", Kind: TimeSeries, Unit: "reqps", Width: 8, Height: 8, Limits: []Limit{{500, "red"}},
			Description: "Requests for hosts that no tenant has.",
			Queries:     []Query{{Expr: `sum(rate(cors_decisions_total{cors_reason="tenant_unknown"}[$__rate_interval]))`, Legend: "unknown hosts"}},
		},
	}
}
