package ibmsim_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTraps shows for each trap of docs/simulator.md that the simulator behaves so, through IBM's own SDK where it has a
// call for it. A trap that lies in a client shows that the client falls into it here as it does at IBM's.
func TestTraps(t *testing.T) {
	for i, trap := range []struct {
		name string
		show func(*testing.T)
	}{
		{"a reset without group header hits the default group", resetWithoutGroupHitsTheDefaultGroup},
		{"the caller of a reset becomes the owner", resetIsNotIdempotent},
		{"a reset whose reply is lost has happened", lostReply},
		{"the SDK's retries repeat a reset", sdkRetriesRepeatTheReset},
		{"an identity has at most 20 keys", limits},
		{"the limit looks like an authentication error", resetAtTheKeyLimit},
		{"a restricted account wants the key creator role", resetWithoutRights},
		{"an administrator cannot list one user's keys", keysOfOthers},
		{"a page has 20 keys and next is a URL", keyListPages},
		{"all cluster keys have one name", oneNameForAllClusterKeys},
		{"a description names the modern region", descriptionsNameTheModernRegion},
		{"a token outlives its key", tokenOutlivesItsKey},
		{"a disabled key works for a while", disableActsLate},
		{"a locked key cannot be deleted", lockedKey},
		{"removing the user first breaks everything", removingFirstBreaksEverything},
		{"without a role the user list is oneself", userListOfACallerWithoutRole},
		{"without a role the policy list is empty", policiesOfACallerWithoutRole},
		{"an accepted removal may fail later", removalThatFails},
		{"an invitation waits for its human", invitation},
		{"inviting a member again does nothing", invitation},
		{"e-mail case does not matter", invitation},
		{"a service ID manages nobody", serviceIDsManageNobody},
		{"owners and parents cannot be removed", whoCannotBeRemoved},
		{"a missing account means the token's", missingAccountMeansTheTokens},
		{"207 says nothing about the items", multiStatus},
		{"a second policy is a conflict that names the first", policyConflict},
		{"a registry policy for one group is not enough", registryPolicyMustBeAccountWide},
		{"platform and service roles in one namespace do nothing", muddledNamespacePolicy},
		{"a grant acts late", grantActsLate},
		{"two spellings of the group header", twoSpellingsOfTheGroupHeader},
		{"the SDK drops the kubeconfig", kubeconfigIsTheBody},
		{"the SDK does not tell the cluster service's error text", errorTextIsHidden},
		{"an empty list of errors panics the SDK's debug text", emptyErrors},
		{"one slow token delays all", tokenLockIsGlobal},
		{"a refused token stays cached", tokenStaysCached},
		{"refresh_token says not_supported", refreshAndKubeTokens},
		{"Retry-After is obeyed without a limit", retryAfterHasNoCap},
		{"old names of classic regions", resetIsNotIdempotent},
		{"a pair whose region has no cluster", pairWithoutCluster},
		{"clusters of a hidden group are missing", hiddenClusters},
		{"the Satellite list may fail alone", satelliteMayFailAlone},
		{"a private cluster cannot be reached", profileAndPrivateClusters},
		{"block CSI is a StatefulSet or a Deployment", blockCSIHasTwoShapes},
		{"a shared label selects the node plug-ins", sharedLabel},
		{"an add-on's health is empty or pending", addonHealthIsEmpty},
		{"classic credentials go before the key", classicCredentials},
		{"a busy or updating cluster refuses a refresh", masterRefresh},
		{"storage on a trusted profile holds no key", profileAndPrivateClusters},
		{"without a master refresh the cluster keeps the old key", omittedMasterRefresh},
		{"an owner fenced in by addresses is of no use", ownerWithAnIPAllowList},
		{"a pod restarted too early reads the old key", secretFollowsTheRefresh},
		{"a service ID of Secrets Manager is locked", secretsManagersServiceID},
		{"a second reset looks like the first", resetIsNotIdempotent},
		{"IAM answers with a page at times", listThatIsAPage},
		{"custom bindings and admin credentials stay", rbacLeftovers},
		{"the invitee's IAM ID changes", invitation},
		{"a transfer removes the previous owner", transferRemovesThePreviousOwner},
		{"a reset where no key was makes a needless one", resetWhereNoKeyWas},
		{"null is nothing to one SDK and an error to the other", nullBody},
		{"an empty created_at is 1970", emptyCreatedAt},
	} {
		t.Run(fmt.Sprintf("%02d %s", i+1, trap.name), trap.show)
	}
}

func TestEveryAccountThatShipsLoads(t *testing.T) {
	for _, name := range shippedAccounts() {
		t.Run(name, func(t *testing.T) { require.NotEmpty(t, startSim(t, name).cloud.State().Users) })
	}
}
