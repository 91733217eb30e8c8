package statefile

// Before makes f call fn before each step on disk; an error fails the step.
func (f *File) Before(fn func(step string) error) { f.before = fn }

// RewriteFrom sets the least growth of a log that is rewritten.
func (f *File) RewriteFrom(size int64) { f.rewriteFrom = size }

// What the tests know of the format.
const (
	LogName   = logName
	TempName  = tempName
	MaxPause  = maxPause
	LockRetry = lockRetry
	GroupSize = groupSize
)
