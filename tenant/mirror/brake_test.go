package mirror

import (
	"testing"
	"time"
)

// TestBrake is R12: how many may vanish in a minute.
func TestBrake(t *testing.T) {
	t.Parallel()
	const second = int64(time.Second)
	tests := []struct {
		name           string
		floor, percent int
		total          int
		at             []int64 // one more tenant at each time
		want           int     // how many of them pass
	}{
		{"up to the floor", 3, 0, 10, []int64{1, 2, 3}, 3},
		{"one above the floor", 3, 0, 10, []int64{1, 2, 3, 4, 5}, 3},
		{"a percentage above the floor", 3, 2, 200, []int64{1, 2, 3, 4, 5}, 4},
		{"a percentage below the floor", 3, 2, 100, []int64{1, 2, 3, 4}, 3},
		{"a window later", 2, 0, 10, []int64{1, 2, 61*second + 2, 61*second + 3}, 4},
		{"within the window", 2, 0, 10, []int64{second, 2 * second, 60 * second}, 2},
		{"once it holds, it holds", 1, 0, 10, []int64{1, 2, 200 * second, 400 * second}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := brake{floor: tt.floor, percent: tt.percent}
			passed := 0
			for _, at := range tt.at {
				if b.admit(at, tt.total) {
					passed++
				}
			}
			if passed != tt.want {
				t.Errorf("%d pass, want %d", passed, tt.want)
			}
			b.release(500 * second)
			if b.holding || !b.admit(500*second, tt.total) {
				t.Error("released, it still holds")
			}
		})
	}
}

// TestBrakeOfManyAtOnce: they pass all or not at all, and asking does not count them.
func TestBrakeOfManyAtOnce(t *testing.T) {
	t.Parallel()
	b := brake{floor: 3}
	for range 2 {
		if !b.allows(1, 3, 10) {
			t.Error("as many as may pass do not")
		}
	}
	if b.allows(1, 4, 10) || b.admit(1, 10) {
		t.Error("too many do not hold it")
	}
}
