package offboard

// accessSymptoms are about identities: tokens, roles, invitations, removal.
func accessSymptoms() []Symptom {
	return []Symptom{
		{
			ID:    "not-authenticated",
			Title: "IAM got no token, or one it cannot read",
			Codes: []string{"BXNIM0308E", "A0003"},
			Texts: []string{"You must specify an IAM token as an Authorization header"},
			Means: "The call did nothing. Clusters are not concerned.",
			Cause: "The token is absent, expired or of another environment; a key that was replaced while a program ran leaves it with the old token.",
			Do: []Advice{
				{Text: "Log in again:", Command: "ibmcloud login"},
				{Text: "If the engine says it: check its key and those of the functional IDs.", Command: "starter check"},
			},
			Confidence: Reported,
		},
		{
			ID:         "refresh-token-expired",
			Title:      "A refresh token is invalid or has expired",
			Codes:      []string{"BXNIM0407E", "BXNIM0408E"},
			Texts:      []string{"Provided refresh token is expired", "Unable to refresh auth token"},
			Means:      "Your session is over. Clusters and the engine work with keys and do not notice.",
			Cause:      "Sessions end after the time the account allows, or when the account's settings changed.",
			Do:         []Advice{{Text: "Log in again:", Command: "ibmcloud login"}},
			Confidence: Reported,
		},
		{
			ID:    "response-type-refused",
			Title: "IAM refuses the kind of token for this identity",
			Codes: []string{"BXNIM0106E"},
			Texts: []string{"Validation of property 'response_type'"},
			Means: "This identity cannot act for the engine.",
			Cause: "An old client asks for a kind of token that service IDs cannot have. The engine needs a user's key: only a user can invite and remove users.",
			Do: []Advice{
				{Text: "Check whose key the engine works with:", Command: "starter check"},
			},
			Confidence: Reported,
		},
		{
			ID:    "key-empty",
			Title: "IAM was asked for a token without a key",
			Codes: []string{"BXNIM0109E"},
			Texts: []string{"Property missing or empty"},
			Means: "The program that asked has no key. Clusters are not concerned.",
			Cause: "A variable or a file that should hold the API key is empty, or a proxy dropped the body.",
			Do: []Advice{
				{Text: "If the engine says it: every secret is tried by", Command: "starter check"},
			},
			Confidence: Reported,
		},
		{
			ID:    "identity-backend-down",
			Title: "The Kubernetes service cannot reach IAM",
			Codes: []string{"A0002"},
			Means: "Changes fail for the moment; clusters go on as long as their tokens last.",
			Cause: "A fault at IBM.",
			Do: []Advice{
				{Text: "Wait. A run under way tries again by itself; see what it waits for:", Command: "starter status PERSON"},
			},
			Confidence: Reported,
		},
		{
			ID:    "access-not-yet",
			Title: "A role that was just granted does not act yet",
			Texts: []string{"access changes take minutes", "not authorized to perform the requested action", "You do not have the required permission", "You are not authorized"},
			Means: "What was tried did nothing.",
			Cause: "Access becomes effective some seconds to twenty minutes after it is granted; if it does not by then, a role is missing.",
			Do: []Advice{
				{Text: "After a grant: wait some minutes. The engine does so by itself and holds when it lasts too long.", Command: "starter status PERSON"},
				{Text: "See which roles the identity has:", Command: "ibmcloud iam user-policies PERSON"},
				{Text: "See what the engine and the functional IDs may not do:", Command: "starter check"},
			},
			Confidence: Reported,
		},
		{
			ID:    "policy-exists",
			Title: "The same policy exists already",
			Codes: []string{"policy_conflict_error"},
			Means: "Nothing is wrong: the identity has what was to be granted.",
			Cause: "A policy with the same subject, roles and resources was made by somebody before. The engine adopts it and never takes it back.",
			Do: []Advice{
				{Text: "Nothing, unless the run holds because of it:", Command: "starter status PERSON"},
			},
			Confidence: Documented,
		},
		{
			ID:    "invitation-pending",
			Title: "An invited functional ID has not accepted",
			Texts: []string{"invitation pending", "invitation expired", "user … PENDING", "waits until the invitation is accepted"},
			Means: "Nothing has been changed for the clusters: the run waits.",
			Cause: "An invitation must be accepted by whoever reads the functional ID's mail; after 30 days it lapses. The IAM ID can change when it is accepted.",
			Do: []Advice{
				{Text: "Log in as the functional ID and accept. The run goes on by itself."},
				{Text: "If it lapsed, the run holds; a retry invites anew:", Command: "starter resolve PERSON --action retry --by YOU"},
			},
			Confidence: Documented,
		},
		{
			ID:    "error-while-deleting",
			Title: "IBM could not finish removing a user",
			Codes: []string{"ERROR_WHILE_DELETING"},
			Means: "The person's keys may be dead already while they still are in the account. Scopes that were handed over are not concerned.",
			Cause: "Most often classic infrastructure: the person has child users, or is above whoever removes them.",
			Do: []Advice{
				{Text: "Give child users another parent in the classic infrastructure's user list, then:", Command: "starter resolve PERSON --scope user --action retry --by YOU"},
				{Text: "If there is none: open a support case with the request ID that is shown by", Command: "starter status PERSON"},
			},
			Confidence: Documented,
		},
		{
			ID:    "child-users",
			Title: "A user of the classic infrastructure cannot be removed",
			Texts: []string{"classic infrastructure user … can't be removed", "classic infrastructure user … cannot be removed", "user has child users"},
			Means: "The person stays in the account, without the keys that were retired. Clusters are not concerned.",
			Cause: "In the classic infrastructure users have parents. A user with children stays until they have another parent, and only somebody above may remove them.",
			Do: []Advice{
				{Text: "Re-parent or remove the child users, then:", Command: "starter resolve PERSON --scope user --action retry --by YOU"},
			},
			Confidence: Documented,
		},
		{
			ID:    "user-still-in-cluster",
			Title: "A cluster refuses a user, or still knows one who left",
			Texts: []string{`forbidden: User "IAM#`, `User "IAM#… cannot`, "IAM#… is forbidden", "custom RBAC", "leftover role binding"},
			Means: "Access inside a cluster follows the account's roles with a delay; bindings that people made by hand do not follow at all.",
			Cause: "Roles are synchronised when somebody fetches the cluster's configuration. Bindings that name a person stay when the person is removed.",
			Do: []Advice{
				{Text: "Synchronise:", Command: "ibmcloud ks cluster config --cluster CLUSTER"},
				{Text: "Look for bindings that name the person; the run's report lists them, too.", Command: "kubectl get rolebindings,clusterrolebindings --all-namespaces -o wide"},
				{Text: "The report of the run:", Command: "starter report PERSON"},
			},
			Confidence: Documented,
		},
		{
			ID:         "anonymous-in-openshift",
			Title:      "A fresh login to an OpenShift cluster acts as nobody",
			Codes:      []string{"system:anonymous"},
			Means:      "The call did nothing. The cluster is well.",
			Cause:      "The cluster does not know a new user yet: the first calls after a login can come before it does.",
			Do:         []Advice{{Text: "Try again within some minutes."}},
			Confidence: Reported,
		},
	}
}
