package telemetry

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// counter counts by the values of its labels: one cell for each combination, so that counting is an
// atomic addition and nothing can grow. Cells that never counted are shown only where they were
// announced: an alert needs the zero before the first failure.
type counter struct {
	labels []Label
	cells  []atomic.Int64
	shown  []bool

	mu      sync.Mutex
	options []metric.ObserveOption // under mu: of each cell that was observed
}

// newCounter has a cell for each combination of the values of labels.
func newCounter(labels []Label) *counter {
	n := 1
	for _, l := range labels {
		n *= len(l.Values)
	}
	return &counter{labels: labels, cells: make([]atomic.Int64, n), shown: make([]bool, n), options: make([]metric.ObserveOption, n)}
}

// combination is number i of the combinations of the values of labels; the last label counts fastest.
func combination(labels []Label, i int) attribute.Set {
	set := make([]attribute.KeyValue, len(labels))
	for j := len(labels) - 1; j >= 0; j-- {
		values := labels[j].Values
		set[j] = attribute.String(labels[j].Key, values[i%len(values)])
		i /= len(values)
	}
	return attribute.NewSet(set...)
}

// announce shows every cell.
func (c *counter) announce() *counter {
	for i := range c.shown {
		c.shown[i] = true
	}
	return c
}

func (c *counter) add(i int, n int64) { c.cells[i].Add(n) }

// observe shows the cells to a collection.
func (c *counter) observe(o metric.Observer, instrument metric.Int64Observable) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.cells {
		n := c.cells[i].Load()
		if n == 0 && !c.shown[i] {
			continue
		}
		if c.options[i] == nil {
			c.options[i] = metric.WithAttributeSet(combination(c.labels, i))
		}
		o.ObserveInt64(instrument, n, c.options[i])
	}
}
