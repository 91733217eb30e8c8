package dashboards

// Executive answers: do we keep what we promise, and what is risky.
func Executive() Dashboard {
	return Dashboard{
		UID: "corsgate-executive", Title: "corsgate / executive",
		Description: "Do we keep what we promise, and what is risky. The numbers M1 to M7 are explained in docs/monitoring.md.",
		Rows: []Row{
			{"Budgets of 30 days", budgets()},
			{"Trends", trends()},
			{"Risk", risks()},
		},
	}
}

// budget is the share of a budget of 30 days that is left, below 0 when it is overdrawn.
func budget(id int, title, sli, permitted, description string) Panel {
	return Panel{
		ID: id, Title: title, Kind: Stat, Unit: "percentunit", Width: 4, Height: 6, Description: description,
		Base: "red", Limits: []Limit{{0, "orange"}, {0.25, "green"}},
		Queries: []Query{{Expr: "1 - cors:" + sli + ":ratio_rate30d / " + permitted, Legend: "left"}},
	}
}

func budgets() []Panel {
	return []Panel{
		budget(1, "Decisions, 99.95 %", "decision_bad", errorBudget, "Budget left of failed decisions (S1), Envoy's failed calls included. Below 0: overdrawn."),
		budget(2, "Not blocked in browsers, 99.9 %", "rum_blocked", "0.001", "Budget left of blocked requests, as pages report them (M1)."),
		budget(3, "Same with cookies, 99.9 %", "rum_credentialed_blocked", "0.001", "Budget left of blocked requests with credentials (M3)."),
		budget(4, "Preflights in 200 ms, 99 %", "preflight_slow", "0.01", "Budget left of slow preflights at the edge (M5)."),
		budget(5, "Probes, 99.5 %", "probe_failed", "0.005", "Budget left of failed probes (M7)."),
		{
			ID: 6, Title: "Days until the budgets are used up", Kind: Table, Unit: "short", Width: 4, Height: 6,
			Description: "At the pace of the last 3 days, from what is left. Nothing here: the pace is within what is permitted.",
			Queries: []Query{
				{Expr: exhaustion("decision_bad", errorBudget), Legend: "decisions", Instant: true},
				{Expr: exhaustion("rum_blocked", "0.001"), Legend: "browsers", Instant: true},
				{Expr: exhaustion("rum_credentialed_blocked", "0.001"), Legend: "browsers, cookies", Instant: true},
				{Expr: exhaustion("preflight_slow", "0.01"), Legend: "preflights", Instant: true},
				{Expr: exhaustion("probe_failed", "0.005"), Legend: "probes", Instant: true},
			},
		},
	}
}

// exhaustion is the days that a budget lasts at the pace of the last 3 days, when that is over 1.
func exhaustion(sli, permitted string) string {
	left := "(1 - cors:" + sli + ":ratio_rate30d / " + permitted + ")"
	pace := "(cors:" + sli + ":ratio_rate3d / " + permitted + " > 1)"
	return "30 * clamp_min(" + left + ", 0) / " + pace
}

func trends() []Panel {
	return []Panel{
		{
			ID: 7, Title: "Blocked in browsers", Kind: TimeSeries, Unit: "percentunit", Width: 8, Height: 8, Limits: []Limit{{0.001, "red"}},
			Description: "Share of requests that pages report as blocked by CORS (M1, M3). The aim is below 0.1 %.",
			Queries: []Query{
				{Expr: "cors:rum_blocked:ratio_rate1d", Legend: "all"},
				{Expr: "cors:rum_credentialed_blocked:ratio_rate1d", Legend: "with cookies"},
			},
		},
		{
			ID: 8, Title: "Denied by tier", Kind: TimeSeries, Unit: "percentunit", Width: 8, Height: 8,
			Description: "Share of the decisions of a tier that deny by policy. Scanners are in it.",
			Queries:     []Query{{Expr: "cors:denied:ratio_rate5m", Legend: "{{cors_tenant_tier}}"}},
		},
		{
			ID: 9, Title: "Preflights that fail", Kind: TimeSeries, Unit: "percentunit", Width: 8, Height: 8, Limits: []Limit{{0.005, "red"}},
			Description: "As the field guide counts them (M2): denied or failed, of known hosts, by tier. The aim is below 0.5 %.",
			Queries:     []Query{{Expr: "cors:preflight_failed:ratio_rate1d", Legend: "{{cors_tenant_tier}}"}},
		},
		{
			ID: 12, Title: "Changes of documents", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8, Stack: true,
			Description: "Changes a day that came into force. Rollbacks are updates here; corsgate tenant history tells them apart (M6).",
			Queries:     []Query{{Expr: "max by (cors_change) (increase(cors_policy_changes_total[1d]))", Legend: "{{cors_change}}"}},
		},
		{
			ID: 13, Title: "Until a withdrawn permission counts", Kind: TimeSeries, Unit: "s", Width: 8, Height: 8, Limits: []Limit{{5, "red"}},
			Description: "Mean of what the probes of a day waited for. A browser may use a preflight it has until max_age has passed.",
			Queries:     []Query{{Expr: `avg(avg_over_time(cors_probe_propagation_seconds{cors_probe_change="revoke"}[1d]))`, Legend: "mean"}},
		},
		{
			ID: 14, Title: "Probes that succeed", Kind: TimeSeries, Unit: "percentunit", Width: 8, Height: 8,
			Description: "Share of all probes (M7). The field guide asks for 99 %, we for 99.5 %.",
			Queries:     []Query{{Expr: "cors:probe:success_ratio_5m", Legend: "5 minutes"}, {Expr: "1 - cors:probe_failed:ratio_rate1d", Legend: "1 day"}},
		},
	}
}

func risks() []Panel {
	return []Panel{
		{
			ID: 10, Title: "Tenants with dangerous policies", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "any_origin is a public policy, legal and readable by every page. The others are refusals that somebody lifted (F3, F7).",
			Queries:     []Query{{Expr: "max by (cors_danger) (cors_policy_dangerous)", Legend: "{{cors_danger}}"}},
		},
		{
			ID: 11, Title: "Entries to clean up", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "Entries of documents by what corsgate tenant audit finds: unused for 30 and 90 days, wildcards, expired.",
			Queries:     []Query{{Expr: "max by (cors_audit_finding) (cors_audit_entries)", Legend: "{{cors_audit_finding}}"}},
		},
		{
			ID: 15, Title: "Tenants", Kind: TimeSeries, Unit: "short", Width: 4, Height: 8,
			Description: "Tenants in memory of the process with most.",
			Queries:     []Query{{Expr: "max(sum by (instance) (cors_tenants))", Legend: "tenants"}},
		},
		{
			ID: 16, Title: "Tenants with findings", Kind: TimeSeries, Unit: "short", Width: 4, Height: 8,
			Description: "Tenants with at least one entry of each finding of the audit.",
			Queries:     []Query{{Expr: "max by (cors_audit_finding) (cors_audit_tenants)", Legend: "{{cors_audit_finding}}"}},
		},
	}
}
