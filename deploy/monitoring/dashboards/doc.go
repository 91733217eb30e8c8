// Package dashboards writes the Grafana dashboards of corsgate: executive, on-call and debug. They are
// code because alerts, runbooks and tests refer to their panels, and because JSON by hand ends in
// panels without a unit, a description or a chosen data source.
package dashboards
