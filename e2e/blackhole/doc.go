// Package blackhole takes the back end of telemetry away from a running gateway for a minute. It is a package of its own
// so that the minute passes beside the other tests.
package blackhole
