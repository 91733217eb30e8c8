//go:build race

package redisstore_test

// raceDetector says that everything takes ten times as long.
const raceDetector = true
