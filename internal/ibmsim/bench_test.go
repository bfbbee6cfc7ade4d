package ibmsim_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

func largeAccount(tb testing.TB) *ibmsim.Account {
	tb.Helper()
	a, err := ibmsim.Load("large")
	require.NoError(tb, err)
	a.Knobs.Latency = 0
	return a
}

// BenchmarkStartLarge is the time from an account of 1,000 clusters and 7,500 users to a cloud that answers.
func BenchmarkStartLarge(b *testing.B) {
	a := largeAccount(b)
	for b.Loop() {
		ibmsim.New(a, ibmsim.Options{})
	}
}

// mixedReads are what a survey of a large account asks, in pages of the usual size.
func mixedReads(s *sim) []string {
	account := s.cloud.AccountID()
	state := s.cloud.State()
	user, key, cluster := state.Users[len(state.Users)-1].IAMID, state.Keys[len(state.Keys)-1].ID, state.Clusters[500].ID
	return []string{
		"/iam/v1/apikeys/" + key,
		"/iam/v1/apikeys/" + key + "?include_activity=true",
		"/iam/v1/apikeys?scope=account&account_id=" + account + "&pagesize=20",
		"/iam/v2/policies?account_id=" + account + "&iam_id=" + user,
		"/iam/v2/groups?account_id=" + account,
		"/iam/v1/accounts/" + account + "/settings/identity",
		"/user-management/v2/accounts/" + account + "/users/" + user,
		"/user-management/v2/accounts/" + account + "/users?limit=20",
		"/resource-controller/v2/resource_groups?account_id=" + account,
		"/containers/global/v2/getCluster?cluster=" + cluster,
		"/containers/global/v1/clusters/" + cluster + "/addons",
		"/containers/global/v1/logging/" + cluster + "/clusterkeyowner",
		"/containers/global/v1/regions",
	}
}

// BenchmarkMixedReads is a large account behind a loopback listener; client and server share the cores.
func BenchmarkMixedReads(b *testing.B) {
	s := serveLarge(b)
	benchmarkReads(b, s, mixedReads(s))
}

// BenchmarkClusterList is the one reply that grows with the account: 900 VPC clusters in one array.
func BenchmarkClusterList(b *testing.B) {
	s := serveLarge(b)
	benchmarkReads(b, s, []string{"/containers/global/v2/vpc/getClusters"})
}

func benchmarkReads(b *testing.B, s *sim, paths []string) {
	b.Helper()
	token := s.token(keyAdmin)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var n atomic.Int64
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := read(client, s.url+paths[int(n.Add(1))%len(paths)], token); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
}

func read(client *http.Client, url, token string) error {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

func serveLarge(b *testing.B) *sim {
	b.Helper()
	a := largeAccount(b)
	a.Knobs.TokenLife = 0 // one hour, so that the token outlives the benchmark
	c := ibmsim.New(a, ibmsim.Options{})
	server, err := ibmsim.NewServer(c)
	require.NoError(b, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	go server.Serve(l)
	b.Cleanup(func() { server.Close() })
	s := &sim{t: b, cloud: c, url: "http://" + l.Addr().String()}
	s.env = c.Endpoints(s.url)
	return s
}
