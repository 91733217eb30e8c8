package dashboards

// Debug answers: what exactly happens inside.
func Debug() Dashboard {
	return Dashboard{
		UID: "corsgate-debug", Title: "corsgate / debug",
		Description: "What exactly happens inside of the chosen processes.",
		Variables:   []Variable{{Name: "instance", Title: "Process", Query: "label_values(cors_build_info, instance)"}},
		Rows: []Row{
			{"One request", oneRequest()},
			{"Policies", policies()},
			{"Copy of Redis", copyOfRedis()},
			{"Inside of the process", inside()},
		},
	}
}

const howToExplain = `**Why was this request denied?** With tenants in files:

    corsgate explain --tenants PATH --host api.acme.example --origin https://app.acme.example --request-method PUT

With Redis, first ` + "`corsgate tenant export -o tenants/`" + `. It names the rule, the entry and the near miss.

**Which origins are denied most?** On the admin address of a process:

    curl -s '127.0.0.1:9003/denials?tenant=acme'

**Who changed it?** ` + "`corsgate tenant history acme --diff`" + `

**One request by its id:** search the access log of Envoy or the decision log for ` + "`request_id`" + `; both have reason, tenant, revision and trace id.`

func oneRequest() []Panel {
	return []Panel{
		{
			ID: 1, Title: "Failed decisions, as traces", Kind: Table, Unit: "short", Width: 12, Height: 10,
			Description: "Spans of decisions that failed. All failures are sampled, up to 200 spans a second.",
			Traces:      &Traces{Service: "corsgate", Operation: "cors.decide", Tags: "cors.outcome=error"},
		},
		{
			ID: 2, Title: "By hand", Kind: Text, Width: 12, Height: 10,
			Description: "What no metric may say: origins, hosts and paths are never labels.",
			Text:        howToExplain,
		},
	}
}

func policies() []Panel {
	return []Panel{
		{
			ID: 3, Title: "Shadow policies", Kind: TimeSeries, Unit: "reqps", Width: 8, Height: 8,
			Description: "What a tenant in mode SHADOW would have decided, against what happened.",
			Queries: []Query{{
				Expr:   "sum by (cors_shadow_result, cors_reason) (rate(cors_shadow_decisions_total" + chosen + "[$__rate_interval]))",
				Legend: "{{cors_shadow_result}} {{cors_reason}}",
			}},
		},
		{
			ID: 4, Title: "Headers of the application", Kind: TimeSeries, Unit: "reqps", Width: 8, Height: 8,
			Description: "Responses in which the application had CORS headers of its own, by what the tenant's mode does with them (design A).",
			Queries:     []Query{rateBy("cors_upstream_conflicts_total", "cors_conflict_mode")},
		},
		{
			ID: 5, Title: "Documents refused", Kind: TimeSeries, Unit: "short", Width: 8, Height: 8,
			Description: "In 10 minutes, by cause. The last good one stayed in force.",
			Queries: []Query{{
				Expr: "sum by (cors_reject_reason) (increase(cors_policy_rejected_total" + chosen + "[10m]))", Legend: "{{cors_reject_reason}}",
			}},
		},
	}
}

// chosen keeps to the chosen processes.
const chosen = `{instance=~"$instance"}`

func rateBy(counter, label string) Query {
	return Query{Expr: "sum by (" + label + ") (rate(" + counter + chosen + "[$__rate_interval]))", Legend: "{{" + label + "}}"}
}

func each(gauge, legend string) Query {
	return Query{Expr: gauge + chosen, Legend: legend}
}

func total(counter, legend string) Query {
	return Query{Expr: "sum by (instance) (increase(" + counter + chosen + "[10m]))", Legend: "{{instance}} " + legend}
}
