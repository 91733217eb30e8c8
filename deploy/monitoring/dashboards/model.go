package dashboards

import (
	"encoding/json"
	"fmt"
)

// Dashboard is one dashboard.
type Dashboard struct {
	// UID is its name in links, and of its file.
	UID, Title, Description string
	// Variables are shown above the panels, after the data source.
	Variables []Variable
	Rows      []Row
}

// Row is a titled group of panels.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel is one picture.
type Panel struct {
	// ID is part of links to the panel: it stays for as long as the panel means the same.
	ID                 int
	Title, Description string
	Kind               Kind
	// Unit is one of Grafana's: "percentunit", "s", "reqps", "short", ...
	Unit string
	// Width is in 24ths of the row, Height in steps of Grafana's grid.
	Width, Height int
	Queries       []Query
	// Limits are drawn as lines and colours, ascending.
	Limits []Limit
	// Base is the colour below all limits; green when empty.
	Base string
	// Stack piles the series up.
	Stack bool
	// Text is Markdown, for [Text] only.
	Text string
	// Traces is a search in Jaeger in place of Queries.
	Traces *Traces
}

// Kind is how a panel shows its queries.
type Kind string

// The kinds of panels, as Grafana names them.
const (
	TimeSeries Kind = "timeseries"
	Stat       Kind = "stat"
	Table      Kind = "table"
	BarGauge   Kind = "bargauge"
	States     Kind = "state-timeline"
	Text       Kind = "text"
)

// Query is one expression with the name of its series.
type Query struct {
	Expr, Legend string
	// Instant asks for now only.
	Instant bool
}

// Limit is where a colour begins.
type Limit struct {
	From  float64
	Color string
}

// Traces is a search for spans.
type Traces struct {
	Service, Operation, Tags string
}

// Variable is chosen above the panels from the values of a label.
type Variable struct {
	Name, Title string
	// Query is in the form of Grafana's label_values.
	Query string
}

// object is one of JSON's.
type object = map[string]any

// list is one of JSON's arrays.
type list = []any

// DataSource is what every panel names; it is chosen above them.
const DataSource = "${datasource}"

// TraceSource is the same for traces.
const TraceSource = "${traces}"

// JSON is d as Grafana reads it.
func (d Dashboard) JSON() ([]byte, error) {
	out, err := json.MarshalIndent(object{
		"uid":           d.UID,
		"title":         d.Title,
		"description":   d.Description,
		"tags":          list{"corsgate"},
		"schemaVersion": 39,
		"editable":      false,
		"graphTooltip":  1,
		"refresh":       "30s",
		"time":          object{"from": "now-6h", "to": "now"},
		"timezone":      "utc",
		"links": list{object{
			"type": "dashboards", "title": "corsgate", "tags": list{"corsgate"}, "asDropdown": true, "keepTime": true, "includeVars": true,
		}},
		"templating":  object{"list": d.variables()},
		"annotations": object{"list": annotations()},
		"panels":      d.panels(),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing dashboard %s: %w", d.UID, err)
	}
	return append(out, '\n'), nil
}

func (d Dashboard) variables() list {
	out := list{
		object{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0},
	}
	if d.traced() {
		out = append(out, object{"name": "traces", "label": "Jaeger", "type": "datasource", "query": "jaeger", "hide": 0})
	}
	for _, v := range d.Variables {
		out = append(out, object{
			"name": v.Name, "label": v.Title, "type": "query", "datasource": source(DataSource),
			"query":      object{"query": v.Query, "refId": "variable"},
			"definition": v.Query, "refresh": 2, "sort": 1,
			"multi": true, "includeAll": true, "allValue": ".*",
			"current": object{"text": "All", "value": "$__all"},
		})
	}
	return out
}

func (d Dashboard) traced() bool {
	for _, r := range d.Rows {
		for _, p := range r.Panels {
			if p.Traces != nil {
				return true
			}
		}
	}
	return false
}

// annotations are the changes of documents: what one asks for first.
func annotations() list {
	return list{object{
		"name": "changes of documents", "datasource": source(DataSource), "enable": true, "iconColor": "blue",
		"expr": changes, "step": "60s", "titleFormat": "documents changed", "tagKeys": "cors_change", "useValueForTime": false,
	}}
}

// changes has a value for each kind of change of the last minute.
const changes = `max by (cors_change) (increase(cors_policy_changes_total[1m])) > 0`

func source(uid string) object {
	kind := "prometheus"
	if uid == TraceSource {
		kind = "jaeger"
	}
	return object{"type": kind, "uid": uid}
}
