package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProblemsOfRUM(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		environ []string
		want    []string
	}{
		{"off by default", nil, nil, nil},
		{"behind an Envoy of this machine", []string{"--rum-listen=127.0.0.1:9004", "--rum-trusted-hops=1", "--rum-key=site-1", "--rum-key=site_2.b"}, nil, nil},
		{"off loopback, permitted", []string{"--rum-listen=:9004", "--insecure-rum-listen"}, []string{"CORSGATE_RUM_KEY=a,b"}, nil},
		{"ports of the system's choice", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--rum-listen=127.0.0.1:0"}, nil, nil},
		{
			"off loopback",
			[]string{"--rum-listen=:9004"},
			nil,
			[]string{"--rum-listen: :9004 can be reached from other machines and is plain HTTP; listen on 127.0.0.1 behind Envoy, or permit it by --insecure-rum-listen"},
		},
		{
			"settings of nothing",
			[]string{"--rum-trusted-hops=1"},
			[]string{"CORSGATE_RUM_KEY=a"},
			[]string{"CORSGATE_RUM_KEY: no reports are collected; set --rum-listen too", "--rum-trusted-hops: no reports are collected; set --rum-listen too"},
		},
		{
			"everything at once",
			[]string{"--rum-listen=127.0.0.1:9003", "--rum-key=a b", "--rum-key=" + strings.Repeat("x", 65), "--rum-trusted-hops=-1"},
			nil,
			[]string{
				"--rum-listen: it is the same address as --admin-listen; choose another port",
				`--rum-key: "a b" is no site key; write 1 to 64 letters, digits, '.', '_' or '-'`,
				`--rum-key: "` + strings.Repeat("x", 65) + `" is no site key; write 1 to 64 letters, digits, '.', '_' or '-'`,
				"--rum-trusted-hops: -1 is outside 0 to 10; count the proxies between browsers and corsgate; one Envoy is 1",
			},
		},
		{
			"more keys than anybody needs",
			[]string{"--rum-listen=127.0.0.1:9002", "--rum-key=" + strings.TrimSuffix(strings.Repeat("k,", 65), ",")},
			nil,
			[]string{
				"--rum-listen: it is the same address as --listen; choose another port",
				"--rum-key: there are 65 keys, at most 64; one key serves any number of pages",
			},
		},
		{
			"no address",
			[]string{"--rum-listen=9004"},
			nil,
			[]string{`--rum-listen: "9004" is not host:port; write host:port or unix:PATH, or leave it empty`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got := resolve(t, append([]string{"--tenants=."}, tt.args...), tt.environ, "")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
