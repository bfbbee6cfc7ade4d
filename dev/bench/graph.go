package main

import (
	"fmt"
	"slices"
	"time"
)

// graph is what must happen after what: the theory that the measured times are held against. Work that need not wait for
// each other is not connected, so the longest way through it is the least time in which the work can be done.
type graph struct {
	nodes map[string]*node
	order []string // as they were added; what a node comes after was added before it
}

// node is one thing that takes time: a call, or a clock of somebody else.
type node struct {
	takes time.Duration
	after []string
	ends  time.Duration
	last  string // of after, what ended last
}

// does adds a thing that takes a time and begins when everything it comes after has ended.
func (g *graph) does(name string, takes time.Duration, after ...string) string {
	if g.nodes == nil {
		g.nodes = map[string]*node{}
	}
	if _, twice := g.nodes[name]; twice {
		panic("the graph has " + name + " twice")
	}
	n := &node{takes: takes, after: after}
	var begins time.Duration
	for _, a := range after {
		before, known := g.nodes[a]
		if !known {
			panic("in the graph, " + name + " comes after " + a + ", which is not there")
		}
		if before.ends >= begins {
			begins, n.last = before.ends, a
		}
	}
	n.ends = begins + takes
	g.nodes[name], g.order = n, append(g.order, name)
	return name
}

// calls adds so many calls one after another, each of which needs the answer of the one before.
func (g *graph) calls(name string, n int, after ...string) string {
	return g.does(name, time.Duration(n)*latency, after...)
}

// end is when a thing has ended, at the earliest.
func (g *graph) end(name string) time.Duration { return g.nodes[name].ends }

// path names what is on the longest way to a thing, with its times.
func (g *graph) path(name string) []string {
	var list []string
	for at := name; at != ""; at = g.nodes[at].last {
		if n := g.nodes[at]; n.takes > 0 {
			list = append(list, fmt.Sprintf("%s (%s)", at, n.takes))
		}
	}
	slices.Reverse(list)
	return list
}

// The things that rows ask the graph for.
const (
	approved  = "the yes"
	contained = "the last key disabled and read back"
	soaked    = "the soak"
	ended     = "the end"
)

// critical is the graph of one offboarding by the phases of an offboarding: what is read, changed and confirmed, and
// whose answer needs whose. Scopes and clusters need nothing of each other, so their number does not count; the pages
// of a list do, because each names the next.
func critical(s shape) *graph {
	g := &graph{}
	keyPages := pagesOf(len(s.account("").Keys)+s.Scopes*max(s.Leavers, 1)+len(s.account("").Users), 100)
	userPages := pagesOf(len(s.account("").Users), 100)
	searchPages := s.Clusters/100 + 1

	// Admit: who are we, who is the person, what holds in the account.
	token := g.calls("admit: the engine's token", 1)
	me := g.calls("admit: whose key the engine has, and that person's address", 2, token)
	g.calls("admit: the account's settings", 1, token)
	g.calls("admit: the account's owner", 1, token)
	people := g.calls("admit: the users, page by page", userPages, token)
	admitted := g.does("admitted", 0, me, people, "admit: the account's settings", "admit: the account's owner")

	// Survey: keys, clusters, owners, and a look into each cluster.
	keys := g.calls("survey: the account's keys, page by page", keyPages, admitted)
	used := g.calls("survey: the last use of each of the leaver's keys", 1, keys)
	g.calls("survey: the functional IDs' room", 1, admitted)
	g.calls("survey: the resource groups", 1, admitted)
	lists := g.calls("survey: the clusters of each provider", 1, admitted)
	search := g.calls("survey: the search index, page by page", searchPages, admitted)
	owners := g.calls("survey: the owner of each cluster's key", 1, lists)
	kubeconfig := g.calls("survey: each cluster's kubeconfig", 1, lists)
	pods := g.calls("survey: each cluster's pods, then their replica sets", 2, kubeconfig)
	planned := g.does(approved, 0, used, "survey: the functional IDs' room", "survey: the resource groups", search, owners, pods)

	// Prepare: the functional ID's access, before its first reset.
	member := g.calls("prepare: the users again, page by page", userPages, planned)
	g.calls("prepare: the functional ID's token", 1, planned)
	proved := g.calls("prepare: whose key it is", 1, "prepare: the functional ID's token")
	group := g.calls("prepare: find the access group, make it", 2, planned)
	g.calls("prepare: the group's policies, then each missing one", 2, group)
	joined := g.calls("prepare: is it a member, make it one", 2, group, member)
	acts := g.calls("prepare: what the functional ID sees", 1, "prepare: the group's policies, then each missing one", joined, proved)

	// Hand over: each scope and each cluster in it for itself.
	before := g.calls("hand over: how the scope stands", 1, acts)
	reset := g.calls("hand over: reset", 1, before)
	spread := g.does("hand over: replication of the key", replication, reset)
	seen := g.calls("hand over: read the key", 1, spread)
	owned := g.calls("hand over: read the owner", 1, seen)
	refresh := g.calls("hand over: refresh the master", 1, owned)
	refreshed := g.does("hand over: the master's refresh", masterRefresh, refresh)
	confirmed := g.calls("hand over: read the master", 1, refreshed)
	secret := g.calls("hand over: read the secret's version", 1, confirmed)
	restart := g.calls("hand over: restart", 1, secret)
	rolled := g.does("hand over: the rollout", rollout, restart)
	ready := g.calls("hand over: read the workload, then its pods", 2, rolled)
	healthy := g.calls("hand over: a last look at cluster, add-ons, workload and its pods", 2, ready)

	// Disable: first look for what is new.
	news := g.calls("disable: keys, page by page, and clusters again", keyPages, healthy)
	state := g.calls("disable: read each key", 1, news)
	disabled := g.calls("disable: each key", 1, state)
	off := g.calls(contained, 1, disabled)

	// Soak, excluded; delete, remove, clean, report.
	soak := g.does(soaked, 0, off)
	deleted := g.calls("delete: read each key, delete it", 2, soak)
	again := g.calls("remove: keys, page by page, and clusters again", keyPages, deleted)
	removed := g.calls("remove: the user, and read it back", 2, again)
	synced := g.calls("clean: each access list, and read it back", 2, removed)
	left := g.calls("report: leave the access group", 2, removed)
	g.does(ended, 0, synced, left)
	return g
}

func pagesOf(items, size int) int { return max((items+size-1)/size, 1) }
