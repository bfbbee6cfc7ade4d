package stack

import (
	"fmt"
	"slices"
	"strings"

	"offboard/internal/ibmsim"
)

// Account files name the engine's identity and the functional IDs by the first part of their addresses.
const (
	engineName     = "offboard-admin@"
	functionalName = "clusters-"
)

// functionalID is a user of the account file and the environment variable that holds their key.
type functionalID struct {
	ibmsim.UserSpec
	variable string
}

func (s *Sim) engine() (ibmsim.UserSpec, bool) {
	i := slices.IndexFunc(s.Account.Users, func(u ibmsim.UserSpec) bool {
		return strings.HasPrefix(u.Email, engineName) && u.APIKey != ""
	})
	if i < 0 {
		return ibmsim.UserSpec{}, false
	}
	return s.Account.Users[i], true
}

func (s *Sim) functionalIDs() []functionalID {
	var list []functionalID
	for _, u := range s.Account.Users {
		if strings.HasPrefix(u.Email, functionalName) && u.APIKey != "" {
			list = append(list, functionalID{u, fmt.Sprintf("FUNCTIONAL_ID_%d_API_KEY", len(list)+1)})
		}
	}
	return list
}

// FunctionalIDs are the addresses of the account's functional IDs, in the order they are preferred.
func (s *Sim) FunctionalIDs() []string {
	var list []string
	for _, f := range s.functionalIDs() {
		list = append(list, f.Email)
	}
	return list
}
