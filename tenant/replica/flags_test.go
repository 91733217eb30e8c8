package replica_test

import "flag"

// How many random schedules of how many steps TestRandomSchedules runs, for a longer run by hand.
var (
	chaosSeeds = flag.Uint64("seeds", 100, "random schedules of TestRandomSchedules")
	chaosSteps = flag.Int("steps", 50, "steps of each")
)
