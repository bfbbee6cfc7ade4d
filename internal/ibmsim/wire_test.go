package ibmsim_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	groups "github.com/IBM/platform-services-go-sdk/iamaccessgroupsv2"
	"github.com/stretchr/testify/require"
)

func sortStrings(list []string) { slices.Sort(list) }

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

func (s *sim) groupID(name string) string {
	s.t.Helper()
	list, _, err := s.groups(keyAdmin).ListAccessGroups(&groups.ListAccessGroupsOptions{AccountID: core.StringPtr(s.cloud.AccountID()), Search: &name})
	require.NoError(s.t, err)
	require.Len(s.t, list.Groups, 1)
	return *list.Groups[0].ID
}

func (s *sim) join(group, iam string) *groups.AddGroupMembersResponse {
	s.t.Helper()
	got, resp, err := s.groups(keyAdmin).AddMembersToAccessGroup(&groups.AddMembersToAccessGroupOptions{
		AccessGroupID: &group, Members: []groups.AddGroupMembersRequestMembersItem{{IamID: &iam, Type: core.StringPtr("user")}},
	})
	require.NoError(s.t, err)
	require.Equal(s.t, 207, resp.StatusCode)
	return got
}

func (s *sim) leave(group, iam string) {
	s.t.Helper()
	_, err := s.groups(keyAdmin).RemoveMemberFromAccessGroup(&groups.RemoveMemberFromAccessGroupOptions{AccessGroupID: &group, IamID: &iam})
	require.NoError(s.t, err)
}

// Every shipped account is at peace until somebody does something.
func TestShippedAccountsRest(t *testing.T) {
	for name, rest := range map[string]time.Duration{"sample": 100 * time.Hour, "small": 100 * time.Hour, "traps": 100 * time.Hour, "empty": 100 * time.Hour, "large": time.Hour, "owner-leaves": 5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, name)
			s.clock.Advance(rest)
			require.Empty(t, s.cloud.Outages())
			require.Empty(t, s.cloud.Ledger())
		})
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
