package app

import (
	"net/http"
	"net/http/pprof"
	"strconv"
)

// maxProfileSeconds is the longest profile; it is also what pprof takes when none is named.
const maxProfileSeconds = 30

// profiles serves what net/http/pprof knows, one at a time and for a bounded time: each costs the decisions processor time.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	place := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := r.FormValue("seconds"); text != "" {
			seconds, err := strconv.ParseFloat(text, 64)
			if err != nil || !(seconds >= 0 && seconds <= maxProfileSeconds) { // NaN is neither
				http.Error(w, "Write seconds as a number up to "+strconv.Itoa(maxProfileSeconds)+".", http.StatusBadRequest)
				return
			}
		}
		select {
		case place <- struct{}{}:
			defer func() { <-place }()
			mux.ServeHTTP(w, r)
		default:
			http.Error(w, "Another profile is being taken. Try again when it has ended.", http.StatusTooManyRequests)
		}
	})
}

// serveNoProfiles says how to get profiles.
func serveNoProfiles(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "There are no profiles. Start corsgate with --admin-profiles to have them.", http.StatusNotFound)
}
