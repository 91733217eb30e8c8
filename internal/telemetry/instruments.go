package telemetry

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// byName is the catalogue by name.
type byName map[string]*Metric

func catalogueOf(tiers []string) byName {
	list := Catalogue(tiers)
	index := make(byName, len(list))
	for i := range list {
		index[list[i].Name] = &list[i]
	}
	return index
}

func (m byName) labels(name string) []Label { return m[name].Labels }

func (m byName) counter(name string) *counter { return newCounter(m.labels(name)) }

// inSeconds are the metrics, other than histograms, whose values are no whole numbers.
func inSeconds(m *Metric) bool { return m.Unit == "s" }

// instruments are the instruments that are asked at a collection.
type instruments struct {
	whole   map[string]metric.Int64Observable
	float   map[string]metric.Float64Observable
	options map[string][]metric.ObserveOption // of each combination of labels, where they are few
}

// newInstruments makes every instrument of list but the histograms, and has collect called for them.
func newInstruments(meter metric.Meter, list byName, collect func(metric.Observer, *instruments)) (*instruments, error) {
	in := &instruments{
		whole:   map[string]metric.Int64Observable{},
		float:   map[string]metric.Float64Observable{},
		options: map[string][]metric.ObserveOption{},
	}
	var all []metric.Observable
	for _, m := range list {
		if m.Kind == Histogram {
			continue
		}
		observable, err := in.make(meter, m)
		if err != nil {
			return nil, fmt.Errorf("making the metric %s: %w", m.Name, err)
		}
		all = append(all, observable)
		in.options[m.Name] = optionsOf(m)
	}
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		collect(o, in)
		return nil
	}, all...)
	if err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	return in, nil
}

// maxCells bounds the combinations of labels of a metric that is shown by [instruments.cells].
const maxCells = 16

func optionsOf(m *Metric) (options []metric.ObserveOption) {
	for i := range min(m.Most, maxCells) {
		set := attribute.NewSet()
		if len(m.Labels) > 0 && m.Labels[0].Values != nil {
			set = combination(m.Labels, i)
		}
		options = append(options, metric.WithAttributeSet(set))
	}
	return options
}

func (in *instruments) make(meter metric.Meter, m *Metric) (metric.Observable, error) {
	unit, help := metric.WithUnit(m.Unit), metric.WithDescription(m.Help)
	switch {
	case m.Kind == Counter && inSeconds(m):
		c, err := meter.Float64ObservableCounter(m.Name, unit, help)
		in.float[m.Name] = c
		return c, err
	case m.Kind == Counter:
		c, err := meter.Int64ObservableCounter(m.Name, unit, help)
		in.whole[m.Name] = c
		return c, err
	case inSeconds(m):
		g, err := meter.Float64ObservableGauge(m.Name, unit, help)
		in.float[m.Name] = g
		return g, err
	default:
		g, err := meter.Int64ObservableGauge(m.Name, unit, help)
		in.whole[m.Name] = g
		return g, err
	}
}

// cells shows one value for each combination of labels, in order.
func (in *instruments) cells(o metric.Observer, name string, values ...int64) {
	for i, v := range values {
		o.ObserveInt64(in.whole[name], v, in.options[name][i])
	}
}

// duration shows d, unless it is negative.
func (in *instruments) duration(o metric.Observer, name string, d time.Duration) {
	if d >= 0 {
		in.seconds(o, name, d.Seconds())
	}
}

func (in *instruments) seconds(o metric.Observer, name string, s float64) {
	o.ObserveFloat64(in.float[name], s)
}

// counter shows the cells of c.
func (in *instruments) counter(o metric.Observer, name string, c *counter) {
	c.observe(o, in.whole[name])
}
