package chaos_test

import (
	"fmt"
	"slices"
	"strings"

	"offboard/internal/ibmsim"
)

// picture is an account in sorted lines, to be compared with another: who is in it, which keys there are and in what
// state, who owns each scope, and on whose key every cluster and every pod runs. With exact, keys go by their IDs, so
// that a key that was replaced shows; without, by their owner and name, so that runs in different accounts compare.
func picture(s ibmsim.State, exact bool) []string {
	names := map[string]string{"": "no key"}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, k := range s.Keys {
		name := fmt.Sprintf("%s of %s", k.Name, k.Owner)
		if exact {
			name += " " + k.ID
		}
		names[k.ID] = name
		add("key %s, locked %t, disabled %t", name, k.Locked, k.Disabled)
	}
	named := func(id string) string {
		if name, exists := names[id]; exists {
			return name
		}
		return "a deleted key"
	}
	for _, u := range s.Users {
		add("user %s %s", u.Email, u.State)
	}
	for _, sc := range s.Scopes {
		add("scope %s/%s: %s of %s", sc.Region, sc.Group, named(sc.Key), sc.Owner)
	}
	for _, c := range s.Clusters {
		add("cluster %s: its secret holds %s", c.Name, named(c.SecretKey))
		for subject, key := range c.Holders {
			workload, _, _ := strings.Cut(subject, " (") // pods are replaced
			add("cluster %s: %s runs on %s", c.Name, workload, named(key))
		}
	}
	add("policies: %d", s.Policies)
	slices.Sort(lines)
	return lines
}

// difference is what two pictures do not share, in lines that begin with - (only before) or + (only after).
func difference(before, after []string) []string {
	var list []string
	rest := slices.Clone(after)
	for _, line := range before {
		if i := slices.Index(rest, line); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
			continue
		}
		list = append(list, "- "+line)
	}
	for _, line := range rest {
		list = append(list, "+ "+line)
	}
	return list
}

// balance is what is left of things that were made and taken away in the ledger: access groups and their members, which
// no picture shows.
func balance(ledger []ibmsim.Entry) map[string]int {
	left := map[string]int{}
	for _, e := range ledger {
		for _, pair := range [][2]string{
			{"iam-groups.group.create", "iam-groups.group.delete"},
			{"iam-groups.member.add", "iam-groups.member.delete"},
			{"iam-am.policy.create", "iam-am.policy.delete"},
		} {
			switch e.Action {
			case pair[0]:
				left[pair[0]]++
			case pair[1]:
				left[pair[0]]--
			}
		}
	}
	for what, n := range left {
		if n == 0 {
			delete(left, what)
		}
	}
	return left
}
