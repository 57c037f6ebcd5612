# Signing in with a certificate and as a person; ends signed in as `cloud` left it.

# as_admin runs our own client, which finds the hub's names where az does.
as_admin() (
	cd "$work" || exit
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$AZ_HOSTS" "$FAIRLEAD_BINARY" "$@"
)

# page PATH FORM... does on the hub's pages what a browser does: it keeps cookies, and sends the value that the page before hid.
page() {
	local path=$1 fields=()
	shift
	[ -s "$work/page" ] && fields=(--data-urlencode "form=$(sed -n 's/.*name="form" value="\([A-Z0-9]*\)".*/\1/p' "$work/page" | head -1)")
	for field; do fields+=(--data-urlencode "$field"); done
	curl -sS -L -b "$work/cookies" -c "$work/cookies" --cacert "$work/ca.crt" --resolve "login.arc.$DOMAIN:443:$address" \
		-o "$work/page.next" "${fields[@]}" "https://login.arc.$DOMAIN$path" && mv "$work/page.next" "$work/page"
}

# answer WORD enters the code that az shows as ada, and says continue or cancel.
answer() {
	local code=
	for _ in $(seq 300); do
		code=$(sed -n "s|.*https://login.arc.$DOMAIN/device and enter the code \([A-Z-]*\) .*|\1|p" "$work/err") && [ -n "$code" ] && break
		sleep 0.2
	done
	rm -f "$work/page" "$work/cookies"
	[ -n "$code" ] && page /device "user_code=$code" && page /signin "username=$ada" "password=$ada_knows" && page /signin/answer "answer=$1"
}

# device WORD ARGS... runs az login with a device code, which is answered with the word.
device() {
	local word=$1 az answered
	shift
	: >"$work/err"
	STEP_TIMEOUT=180 run_az login --use-device-code "$@" &
	az=$!
	answer "$word"
	answered=$?
	wait "$az" && [ "$answered" = 0 ]
}

# person WHAT PATTERN ARGS... signs ada in, which must succeed and print the pattern.
person() {
	local what=$1 pattern=$2
	shift 2
	SECONDS=0
	device continue "$@" && seen "$pattern"
	result $? "$what"
}

ada=ada@example.org ada_knows=Analytical-Engine-1843
holds "our client signs in as the administrator" "" as_admin login --credential-file "$work/admin.json"
holds "a service principal with a certificate" "\.pem$" as_admin ad sp create-for-rbac -n pipeline --role Reader --create-cert --query fileWithCertAndPrivateKey -o tsv
mv "$work"/fairlead-*.pem "$work/pipeline.pem"
holds "its application id" "^[0-9a-f-]{36}$" as_admin ad sp list --display-name pipeline --query "[0].appId" -o tsv
pipeline=$(cat "$work/out")
holds "a user" "$ada" as_admin ad user create --display-name Ada --user-principal-name "$ada" --password "$ada_knows"
holds "a role for the user" "" as_admin role assignment create --assignee "$ada" --role Reader

works "logout of the administrator" "" logout
refuses "logged out" "az login" account show
refuses "login with another's certificate" "AADSTS7000[0-9]+" login --service-principal -u "$app" --certificate "$work/pipeline.pem" --tenant "$tenant"
works "login with a certificate" "\"name\": \"$pipeline\"" login --service-principal -u "$pipeline" --certificate "$work/pipeline.pem" --tenant "$tenant"
works "a service principal is signed in" "^servicePrincipal$" account show --query user.type -o tsv
works "a token by certificate" "^Bearer$" account get-access-token --query tokenType -o tsv
works "with a role: group list" "" group list
refuses "without a role: group create" "AuthorizationFailed" group create -n pipes -l local
works "logout" "" logout

refuses "login with a certificate that has no key" "private key|PEM|key" login --service-principal -u "$pipeline" --certificate "$work/ca.crt" --tenant "$tenant"
person "login with a device code" "\"name\": \"$ada\"" -t "$tenant"
works "a user is signed in" "^user$" account show --query user.type -o tsv
works "whose name is" "^$ada$" account show --query user.name -o tsv
works "a user's token" "^Bearer$" account get-access-token --query tokenType -o tsv
works "a user's token for the directory, by refreshing" "^Bearer$" account get-access-token --resource-type ms-graph --query tokenType -o tsv
works "ad signed-in-user show" "$ada" ad signed-in-user show
works "a user reads" "" group list
refuses "a user without the role does not write" "AuthorizationFailed" group create -n pipes -l local
works "logout of a user" "" logout --username "$ada"
refuses "a user is logged out" "az login" account get-access-token

person "login with a device code, no tenant named" "\"tenantId\": \"$tenant\""
works "the tenant of the subscription" "^$tenant$" account show --query tenantId -o tsv
works "a user's token for the tenant" "^$tenant$" account get-access-token --tenant "$tenant" --query tenant -o tsv
works "logout once more" "" logout
SECONDS=0
! device cancel --tenant "$tenant" && seen "AADSTS70017|declined"
result $? "login with a device code that is declined"
works "account clear" "" account clear
works "login by secret again" "\"tenantId\": \"$tenant\"" login --service-principal -u "$app" -p "$secret" --tenant "$tenant"
