package dashboards

import "cmp"

// gridWidth is the width of Grafana's grid.
const gridWidth = 24

// Rows have ids of their own, above those of panels.
const firstRowID = 1000

// panels places the panels of every row from left to right, and the rows below each other.
func (d Dashboard) panels() list {
	var out list
	y := 0
	for i, r := range d.Rows {
		out = append(out, object{
			"id": firstRowID + i, "type": "row", "title": r.Title, "collapsed": false, "panels": list{},
			"gridPos": object{"x": 0, "y": y, "w": gridWidth, "h": 1},
		})
		y++
		x, tallest := 0, 0
		for _, p := range r.Panels {
			if x+p.Width > gridWidth {
				x, y, tallest = 0, y+tallest, 0
			}
			panel := p.json()
			panel["gridPos"] = object{"x": x, "y": y, "w": p.Width, "h": p.Height}
			out = append(out, panel)
			x, tallest = x+p.Width, max(tallest, p.Height)
		}
		y += tallest
	}
	return out
}

func (p Panel) json() object {
	out := object{"id": p.ID, "type": string(p.Kind), "title": p.Title, "description": p.Description}
	if p.Kind == Text {
		out["options"] = object{"mode": "markdown", "content": p.Text}
		return out
	}
	uid := DataSource
	if p.Traces != nil {
		uid = TraceSource
	}
	out["datasource"] = source(uid)
	out["targets"] = p.targets(uid)
	out["options"] = p.options()
	out["fieldConfig"] = object{"defaults": p.defaults(), "overrides": list{}}
	return out
}

func (p Panel) targets(uid string) list {
	if p.Traces != nil {
		return list{object{
			"refId": "A", "datasource": source(uid), "queryType": "search", "limit": 50,
			"service": p.Traces.Service, "operation": p.Traces.Operation, "tags": p.Traces.Tags,
		}}
	}
	var out list
	for i, q := range p.Queries {
		target := object{
			"refId": string(rune('A' + i)), "datasource": source(uid), "expr": q.Expr, "legendFormat": q.Legend,
			"instant": q.Instant, "range": !q.Instant, "editorMode": "code",
		}
		if p.Kind == Table {
			target["format"] = "table"
		}
		out = append(out, target)
	}
	return out
}

func (p Panel) options() object {
	last := object{"calcs": list{"lastNotNull"}, "fields": "", "values": false}
	switch p.Kind {
	case Stat:
		return object{"reduceOptions": last, "colorMode": "value", "graphMode": "area", "textMode": "auto"}
	case BarGauge:
		return object{"reduceOptions": last, "orientation": "horizontal", "displayMode": "basic"}
	case States:
		return object{"showValue": "never", "mergeValues": true, "rowHeight": 0.9, "legend": object{"displayMode": "list", "placement": "bottom", "showLegend": false}}
	case Table:
		return object{"showHeader": true}
	default:
		return object{
			"legend":  object{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": list{"lastNotNull", "max"}},
			"tooltip": object{"mode": "multi", "sort": "desc"},
		}
	}
}

func (p Panel) defaults() object {
	steps := list{object{"color": cmp.Or(p.Base, "green"), "value": nil}}
	for _, l := range p.Limits {
		steps = append(steps, object{"color": l.Color, "value": l.From})
	}
	custom := object{}
	if p.Kind == TimeSeries {
		style, mode, fill := "off", "none", 0
		if len(p.Limits) > 0 {
			style = "dashed"
		}
		if p.Stack {
			mode, fill = "normal", 40
		}
		custom = object{
			"drawStyle": "line", "lineWidth": 1, "fillOpacity": fill, "showPoints": "never", "spanNulls": false,
			"stacking": object{"mode": mode, "group": "A"}, "thresholdsStyle": object{"mode": style},
		}
	}
	out := object{"unit": p.Unit, "custom": custom, "thresholds": object{"mode": "absolute", "steps": steps}}
	if p.Kind == TimeSeries || p.Kind == BarGauge {
		out["min"] = 0
	}
	if p.Kind == States {
		out["mappings"] = list{object{"type": "value", "options": object{
			"0": object{"text": "fails", "color": "red", "index": 0},
			"1": object{"text": "succeeds", "color": "green", "index": 1},
		}}}
	}
	return out
}
