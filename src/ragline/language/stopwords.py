"""Words that say nothing about what a text is about, by language.

Short lists on purpose: inverse document frequency already makes frequent words light, so
these only keep the longest posting lists out of the index and question words out of queries.
"""

from __future__ import annotations

STOP_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": """
a about above after again against all am an and any are as at be because been before being
below between both but by can cannot could did do does doing don down during each few for from
further had has have having he her here hers herself him himself his how i if in into is it its
itself just me more most my myself no nor not now of off on once only or other our ours
ourselves out over own s same she should so some such t than that the their theirs them
themselves then there these they this those through to too under until up very was we were what
when where which while who whom whose why will with would you your yours yourself yourselves
""",
        "fr": """
a à ai aie aient ait alors as au aucun aucune aura auront aurait auraient aussi autre autres aux
avait avaient avant avec avez avoir avons ayant c ce ceci cela celle celles celui cependant ces
cet cette ceux chaque ci comme comment d dans de depuis des donc dont du elle elles en encore
entre es est et étaient était étant été êtes être eu eut eurent eux fut furent il ils j je jusqu
l la là laquelle le lequel les lesquelles lesquels leur leurs lors lorsqu lorsque lui m ma mais
me même mêmes mes moi moins mon n ne ni nos notre nous on ont ou où par parce pas peu peut
peuvent plus pour pourquoi puis puisque qu quand que quel quelle quelles quelque quelques quels
qui quoi s sa sans se sera serait seraient seront ses si son sont sous sur t ta tandis te tel
telle telles tels tes toi ton tous tout toute toutes très tu un une vers vos votre vous y
""",
        "de": """
aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes
auch auf aus bei bin bis bist da damit dann das dass dein deine dem den der des dessen die dies
diese diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es euch
euer für gegen gewesen hab habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr
ihre ihrem ihren ihrer ihres im in indem ins ist jede jedem jeden jeder jedes jene jetzt kann
kein keine können könnte machen man manche mein meine mich mir mit muss nach nicht nichts noch
nun nur ob oder ohne sehr sein seine seinem seinen seiner seines selbst sich sie sind so solche
soll sollte sondern sonst über um und uns unser unter viel vom von vor war waren warum was weil
welche welchem welchen welcher welches wem wen wenn wer werde werden wessen wie wieder will wir
wird wirst wo wollen wurde wurden während zu zum zur zwar zwischen
""",
        "es": """
a al algo algunas algunos ante antes como cómo con contra cual cuál cuales cuáles cuando cuándo
cuánta cuántas cuánto cuántos de del desde donde dónde durante e el él ella ellas ellos en entre
era eran es esa esas ese eso esos esta está están estas este esto estos fue fueron ha había
habían han hasta hay la las le les lo los más me mi mis mucho muchos muy nada ni no nos nosotros
o os otra otras otro otros para pero poco por porque qué que quien quién quienes quiénes se sea
según ser si sí sido sin sobre son su sus también tanto te tenía tiene tienen todo todos tu tus
un una uno unos y ya yo
""",
        "it": """
a ad agli ai al alla alle allo anche c che chi ci come con così contro cui d da dagli dai dal
dalla dalle dallo degli dei del della delle dello di dove e è ed era erano essere fu furono fra
gli ha hai hanno ho i il in io l la le lei li lo loro lui ma mi mia mie mio ne negli nei nel
nella nelle nello noi non nostro o per perché però più qual quale quali quando quanta quante
quanti quanto quella quelle quelli quello questa queste questi questo se sia si sono stata state
stati stato su sua sue sugli sui sul sulla sulle suo suoi tra tu tutti tutto un una uno v vi
voi
""",
        "pt": """
a à ao aos aquela aquelas aquele aqueles aquilo as às até com como da das de dela dele deles
depois do dos e é ela elas ele eles em entre era eram essa essas esse esses esta está estão
estas este estes eu foi foram há isso isto já lhe lhes mais mas me mesmo meu minha muito na nas
não nem no nos nós nossa nosso num numa o onde os ou para pela pelas pelo pelos por porque qual
quais quando quanto quantos que quem se seja sem ser será seu seus só sua suas são também te tem
têm tinha tu um uma você vocês
""",
        "nl": """
aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een
en er had hadden heb hebben heeft hem het hier hij hoe hoeveel hun iemand iets ik in is ja je
kan kon kunnen maar me meer men met mij mijn moet na naar niet niets nog nu of om omdat onder
ons ook op over reeds te tegen toch toen tot u uit uw van veel voor waar waarom wanneer want
waren was wat welk welke werd werden wie wil worden wordt zal ze zei zelf zich zij zijn zo
zonder zou
""",
    }.items()
}
