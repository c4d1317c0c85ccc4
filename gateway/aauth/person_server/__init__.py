"""We speak for the people who have an account here, towards their own agents (requirements 1c).

Off unless AAUTH_PERSON_SERVER says otherwise; then none of these addresses is there.
"""
