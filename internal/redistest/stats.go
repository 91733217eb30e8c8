package redistest

import (
	"strconv"
	"strings"
)

// CommandStat counts one command since the server started or CONFIG RESETSTAT.
type CommandStat struct {
	// Calls that were executed.
	Calls int64
	// Rejected before execution, for example by the ACL.
	Rejected int64
	// Failed during execution.
	Failed int64
}

// CommandStats counts the commands of all clients by their names in lower case, "client|setname" if they have
// two. The harness itself adds to ping, hello, auth, info, config|resetstat and what [Server.Do] is asked for.
func (s *Server) CommandStats() map[string]CommandStat {
	s.tb.Helper()
	stats := make(map[string]CommandStat)
	text, ok := s.Do("INFO", "commandstats").(string)
	if !ok {
		s.tb.Fatalf("INFO commandstats gave no text")
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		command, ok := strings.CutPrefix(name, "cmdstat_")
		if !ok {
			continue
		}
		var stat CommandStat
		for field := range strings.SplitSeq(value, ",") {
			key, text, _ := strings.Cut(field, "=")
			n, _ := strconv.ParseInt(text, 10, 64) // the other fields are no counts
			switch key {
			case "calls":
				stat.Calls = n
			case "rejected_calls":
				stat.Rejected = n
			case "failed_calls":
				stat.Failed = n
			}
		}
		stats[command] = stat
	}
	return stats
}
